// Trains XOR in the page. Before serving this folder:  npx nndsl compile examples/xor.nn -o examples/web
// Under a content security policy it needs  script-src 'self' 'wasm-unsafe-eval'.
import { load } from "./xor.js";

const x = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const y = [[0], [1], [1], [0]];
const LOW = -0.25; // the picture shows [LOW, HIGH] on both axes
const HIGH = 1.25;
const CELLS = 64;
const STEPS_A_FRAME = 10;
const GOOD_ENOUGH = 0.02;
const STEPS_AT_MOST = 600; // XOR has bad local minima: after so many steps, start again from other weights

const element = (id) => document.getElementById(id);
const surface = element("surface").getContext("2d");
const net = await load(undefined, { seed: 1 });

const grid = new Float32Array(CELLS * CELLS * 2);
for (let i = 0; i < CELLS * CELLS; i++) {
  grid[2 * i] = LOW + ((HIGH - LOW) * ((i % CELLS) + 0.5)) / CELLS;
  grid[2 * i + 1] = HIGH - ((HIGH - LOW) * (Math.floor(i / CELLS) + 0.5)) / CELLS;
}

/** The answer for each cell of the square as a color, and the four examples as dots. */
function draw() {
  const { data } = net.predict({ x: grid }).p;
  const { width, height } = surface.canvas;
  const cell = width / CELLS;
  data.forEach((p, i) => {
    surface.fillStyle = `rgb(${60 + 195 * p} 90 ${255 - 195 * p})`;
    surface.fillRect((i % CELLS) * cell, Math.floor(i / CELLS) * cell, cell + 1, cell + 1);
  });
  x.forEach(([a, b], row) => {
    surface.beginPath();
    surface.arc(((a - LOW) / (HIGH - LOW)) * width, ((HIGH - b) / (HIGH - LOW)) * height, 8, 0, 2 * Math.PI);
    surface.fillStyle = y[row][0] ? "#c00" : "#00c";
    surface.fill();
    surface.strokeStyle = "#fff";
    surface.stroke();
  });
  const answers = net.predict({ x }).p.data;
  element("answers").replaceChildren(
    ...x.map((row, i) => {
      const line = document.createElement("tr");
      for (const text of [...row, y[i][0], answers[i].toFixed(3)]) line.insertCell().textContent = text;
      return line;
    }),
  );
}

let seed = 1;
let frame = 0;

function train() {
  let loss;
  for (let i = 0; i < STEPS_A_FRAME; i++) loss = net.step({ x, y });
  if (loss > GOOD_ENOUGH && net.steps >= STEPS_AT_MOST) net.reset(++seed);
  draw();
  const done = loss <= GOOD_ENOUGH;
  element("status").textContent = `step ${net.steps}, loss ${loss.toFixed(4)}${done ? ", learnt" : ""}`;
  frame = done ? 0 : requestAnimationFrame(train);
}

element("train").addEventListener("click", () => {
  if (frame === 0) train();
});
element("restart").addEventListener("click", () => {
  cancelAnimationFrame(frame);
  frame = 0;
  net.reset(++seed);
  draw();
  element("status").textContent = "ready";
});

draw();
for (const id of ["train", "restart"]) element(id).disabled = false;
element("status").textContent = "ready";
