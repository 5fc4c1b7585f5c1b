/** The versions of all that is compared. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { torchVersion } from "./hosts/node.ts";

/** Some packages do not show their package.json: it lies above what they do show. */
async function versionOf(name: string): Promise<string> {
  const entry = createRequire(import.meta.url).resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`node_modules/${name}/`) + `node_modules/${name}/`.length);
  const { version } = JSON.parse(await readFile(`${folder}package.json`, "utf8")) as {
    readonly version: string;
  };
  return version;
}

export async function versions(): Promise<Readonly<Record<string, string>>> {
  const own = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  const torch = torchVersion();
  return {
    nndsl: own.version,
    ...(torch !== undefined && { PyTorch: torch }),
    "jax-js": await versionOf("@jax-js/jax"),
    "TensorFlow.js": await versionOf("@tensorflow/tfjs"),
    "ONNX Runtime Web": await versionOf("onnxruntime-web"),
  };
}
