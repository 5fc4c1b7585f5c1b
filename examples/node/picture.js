// Draws a compiled model as SVG: the decision surface of one with two features, the curves of one with a single number.
//
//   npx nndsl train examples/xor.nn --data x=examples/data/xor.csv:a,b --data y=examples/data/xor.csv:xor --epochs 1000 --seed 1 -o xor.safetensors
//   npx nndsl compile examples/xor.nn -o examples/node
//   node examples/node/picture.js examples/node/xor.js xor.svg --weights xor.safetensors --from=-0.5 --to=1.5
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    weights: { type: "string" },
    from: { type: "string", default: "-2" },
    to: { type: "string", default: "2" },
  },
});
const [modulePath, svgPath] = positionals;
if (svgPath === undefined) {
  console.error("usage: node picture.js MODEL.js OUT.svg [--weights W.safetensors] [--from=-2] [--to=2]");
  process.exit(2);
}

const SIDE = 400;
const from = Number(options.from);
const to = Number(options.to);
const { load } = await import(pathToFileURL(resolve(modulePath)).href);
const net = await load();
if (options.weights !== undefined) net.restore(readFileSync(options.weights));

const inputs = net.manifest.inputs.filter((input) => input.role === "input");
const features = inputs[0]?.shape.slice(1).reduce((product, size) => product * size, 1);
if (inputs.length !== 1 || (features !== 1 && features !== 2)) {
  console.error(
    `${net.manifest.model} reads neither one number nor two: there is no picture of it in the plane`,
  );
  process.exit(1);
}
writeFileSync(svgPath, features === 2 ? surface(inputs[0].name) : curves(inputs[0].name));
console.log(svgPath);

/** The first output for each cell of the square, from blue (0) to red (1); runs of one color are one rectangle. */
function surface(input) {
  const cells = 80;
  const LEVELS = 20;
  const at = (i) => from + ((to - from) * (i + 0.5)) / cells;
  const x = Float32Array.from({ length: cells * cells * 2 }, (_, i) =>
    i % 2 === 0 ? at((i >> 1) % cells) : at(cells - 1 - Math.floor(i / 2 / cells)),
  );
  const [{ data }] = Object.values(net.predict({ [input]: x }));
  const level = (cell) => Math.round(Math.min(1, Math.max(0, data[cell])) * LEVELS) / LEVELS;
  const size = SIDE / cells;
  const runs = [];
  for (let row = 0; row < cells; row++) {
    for (let start = 0, end = 0; start < cells; start = end) {
      const value = level(row * cells + start);
      while (end < cells && level(row * cells + end) === value) end++;
      const color = `rgb(${Math.round(60 + 195 * value)} 90 ${Math.round(255 - 195 * value)})`;
      runs.push(
        `<rect x="${start * size}" y="${row * size}" width="${(end - start) * size}" height="${size}" fill="${color}"/>`,
      );
    }
  }
  return svg(`<g shape-rendering="crispEdges">\n${runs.join("\n")}\n</g>`);
}

/** Every output of one number, over [from, to]; the vertical axis spans what they reach. */
function curves(input) {
  const count = 201;
  const x = Float32Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
  const outputs = Object.entries(net.predict({ [input]: x })).filter(([, { data }]) => data.length === count);
  const all = outputs.flatMap(([, { data }]) => [...data]);
  const [low, high] = [Math.min(0, ...all), Math.max(...all)];
  const across = (v) => (((v - from) / (to - from)) * SIDE).toFixed(1);
  const down = (v) => (SIDE - ((v - low) / (high - low || 1)) * SIDE).toFixed(1);
  const lines = outputs.map(([name, { data }], k) => {
    const points = [...x].map((v, i) => `${across(v)},${down(data[i])}`).join(" ");
    const color = `hsl(${(k * 137) % 360} 70% 40%)`;
    return (
      `<polyline points="${points}" fill="none" stroke="${color}" stroke-width="2"><title>${name}</title></polyline>\n` +
      `<text x="8" y="${16 + 14 * k}" font-size="12" fill="${color}">${name}</text>`
    );
  });
  const axes = `<path d="M0 ${down(0)}H${SIDE}M${across(0)} 0V${SIDE}" stroke="#999"/>`;
  return svg([axes, ...lines].join("\n"));
}

function svg(content) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIDE} ${SIDE}" font-family="sans-serif">\n<title>${net.manifest.model}</title>\n${content}\n</svg>\n`;
}
