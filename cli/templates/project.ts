/** The files of `nndsl new`: a model, its data, a page, a script and a test, all of which run. */
import { moonsCsv } from "./moons-data.ts";

const model = `/// Two half moons, told apart by a small network.
model Moons(units = 16) {
  input x: [N, 2] // points; N is the batch, free until run time
  target y: int[N] // 0 for the lower moon, 1 for the upper

  h = dense(x, units, tanh)
  h = dense(h, units, tanh)
  logits = dense(h, 2)

  output p = softmax(logits)
  metric accuracy(logits, y)
  loss cross_entropy(logits, y)
  optimizer adam(lr = 1e-2)
}
`;

const readme = (name: string): string => `# ${name}

A network in [nndsl](https://www.npmjs.com/package/nndsl): \`model.nn\` says what it computes, and nndsl compiles it to a WebAssembly
module that predicts and trains.

| command           | what it does                                                                |
| ----------------- | --------------------------------------------------------------------------- |
| \`npm test\`        | compiles the model, trains it and checks its accuracy                       |
| \`npm start\`       | serves a page on http://localhost:8080 that trains it while you watch       |
| \`npm run train\`   | trains on the command line and saves the weights in \`out/moons.safetensors\` |
| \`npm run predict\` | a Node script that runs the trained model                                   |

\`nndsl inspect model.nn\` shows what the compiler made of it, and \`nndsl compile model.nn --emit grad\` the derived
backward pass.
`;

const packageJson = (name: string, nndsl: string): string =>
  `${JSON.stringify(
    {
      name,
      version: "0.1.0",
      private: true,
      type: "module",
      scripts: {
        build: "nndsl compile model.nn -o out",
        train:
          "nndsl train model.nn --data x=data/moons.csv:a,b y=data/moons.csv:moon --epochs 100 -o out/moons.safetensors",
        predict: "npm run build && node predict.js",
        start: "npm run build && node serve.js",
        test: "npm run build && node --test",
      },
      devDependencies: { nndsl },
    },
    null,
    2,
  )}\n`;

const predictScript = `// Runs the trained model on points from the command line: node predict.js 0.5 1.0
import { readFile } from "node:fs/promises";
import { load } from "./out/moons.js";

const net = await load();
const weights = await readFile("out/moons.safetensors").catch(() => null);
if (weights === null) {
  console.error("There are no weights yet: npm run train");
  process.exit(1);
}
net.restore(weights);

const point = process.argv.slice(2).map(Number);
const [a, b] = point.length === 2 ? point : [0.5, 1];
const { p } = net.predict({ x: [[a, b]] });
console.log(\`(\${a}, \${b}): lower \${p.data[0].toFixed(3)}, upper \${p.data[1].toFixed(3)}\`);
`;

const dataModule = `// Reads data/moons.csv, for the page and the test alike.

/** @param {string} text */
export function readMoons(text) {
  const rows = text
    .trim()
    .split("\\n")
    .slice(1)
    .map((line) => line.split(","));
  return {
    x: Float32Array.from(rows.flatMap(([a, b]) => [Number(a), Number(b)])),
    // Labels in sorted order, as nndsl train counts them: lower is 0, upper is 1.
    y: Int32Array.from(rows, (row) => (row[2] === "upper" ? 1 : 0)),
  };
}
`;

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Moons</title>
    <link rel="stylesheet" href="style.css" />
    <script type="module" src="main.js"></script>
  </head>
  <body>
    <h1>Moons</h1>
    <canvas id="plane" width="480" height="320"></canvas>
    <p><button id="again">Start again</button> <output id="state">loading</output></p>
  </body>
</html>
`;

const style = `body {
  font:
    16px/1.5 system-ui,
    sans-serif;
  max-width: 30rem;
  margin: 2rem auto;
  padding: 0 1rem;
}
canvas {
  width: 100%;
  border-radius: 8px;
}
`;

const pageScript = `// Trains the compiled model in the page and paints what it has learnt, some epochs a frame.
import { load } from "./out/moons.js";
import { readMoons } from "./moons-data.js";

const canvas = document.getElementById("plane");
const state = document.getElementById("state");
const context = canvas.getContext("2d");

const [left, right, bottom, top] = [-1.6, 2.6, -1.15, 1.65];
const [columns, rows] = [96, 64];
const grid = new Float32Array(columns * rows * 2);
for (let i = 0; i < columns * rows; i++) {
  grid[2 * i] = left + ((i % columns) / (columns - 1)) * (right - left);
  grid[2 * i + 1] = top - (Math.floor(i / columns) / (rows - 1)) * (top - bottom);
}

const net = await load();
const data = readMoons(await (await fetch("data/moons.csv")).text());
let seed = 0;
let epochs = 0;
document.getElementById("again").onclick = () => {
  net.reset(++seed);
  epochs = 0;
};

async function frame() {
  if (epochs < 300) {
    await net.fit(data, { epochs: 2, batch: 32, firstEpoch: epochs + 1 });
    epochs += 2;
  }
  const { loss, metrics } = net.evaluate(data);
  state.textContent = \`epoch \${epochs}, loss \${loss.toFixed(3)}, accuracy \${(100 * metrics.accuracy).toFixed(1)} %\`;
  paint(net.predict({ x: grid }).p.data);
  requestAnimationFrame(frame);
}

function paint(probabilities) {
  const [width, height] = [canvas.width / columns, canvas.height / rows];
  for (let i = 0; i < columns * rows; i++) {
    const upper = probabilities[2 * i + 1];
    context.fillStyle = \`rgb(\${255 - 90 * (1 - upper)} \${225 - 20 * Math.abs(upper - 0.5)} \${255 - 90 * upper})\`;
    context.fillRect((i % columns) * width, Math.floor(i / columns) * height, width + 1, height + 1);
  }
  for (let i = 0; i < data.y.length; i++) {
    context.fillStyle = data.y[i] === 1 ? "#b4530a" : "#1d4ed8";
    context.beginPath();
    const x = ((data.x[2 * i] - left) / (right - left)) * canvas.width;
    const y = ((top - data.x[2 * i + 1]) / (top - bottom)) * canvas.height;
    context.arc(x, y, 3, 0, 2 * Math.PI);
    context.fill();
  }
}

frame();
`;

const server = `// Serves this folder: the page, the compiled model and its data. Stop it with Ctrl-C.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".wasm": "application/wasm",
};
const port = Number(process.env.PORT ?? 8080);

const server = createServer(async (request, response) => {
  const path = normalize(decodeURI(new URL(request.url, "http://localhost").pathname));
  const file = join(import.meta.dirname, path === "/" ? "index.html" : path);
  const type = types[extname(file)];
  const body = type === undefined ? null : await readFile(file).catch(() => null);
  response.writeHead(body === null ? 404 : 200, {
    "content-type": body === null ? "text/plain" : type,
    // All that a compiled model asks for; it never evaluates text as code.
    "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
  });
  response.end(body ?? "not found");
});
server.on("error", (error) => {
  console.error(
    error.code === "EADDRINUSE" ? \`Port \${port} is taken: PORT=\${port + 1} npm start\` : error.message,
  );
  process.exitCode = 1;
});
server.listen(port, "127.0.0.1", () => console.log(\`http://localhost:\${port}\`));
`;

const test = `import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { load } from "../out/moons.js";
import { readMoons } from "../moons-data.js";

const data = readMoons(await readFile(new URL("../data/moons.csv", import.meta.url), "utf8"));

test("learns the moons", async () => {
  const net = await load(undefined, { seed: 1 });
  await net.fit(data, { epochs: 100, batch: 32 });
  assert.ok(net.evaluate(data).metrics.accuracy > 0.97);
});

test("gives the same weights for the same seed", async () => {
  const train = async () => {
    const net = await load(undefined, { seed: 7 });
    await net.fit(data, { epochs: 3, batch: 32 });
    return net.save();
  };
  assert.deepEqual(await train(), await train());
});
`;

/**
 * Texts by path, relative to the project's folder.
 * @param name of the package
 * @param nndsl the version of nndsl to depend on, as in package.json
 */
export function projectFiles(name: string, nndsl: string): ReadonlyMap<string, string> {
  return new Map([
    ["README.md", readme(name)],
    ["package.json", packageJson(name, nndsl)],
    [".gitignore", "node_modules/\nout/\n"],
    ["model.nn", model],
    ["data/moons.csv", moonsCsv()],
    ["moons-data.js", dataModule],
    ["predict.js", predictScript],
    ["index.html", page],
    ["style.css", style],
    ["main.js", pageScript],
    ["serve.js", server],
    ["test/moons.test.js", test],
  ]);
}
