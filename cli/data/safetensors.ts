/** Safetensors as data: the runtime reads the format, this gives its errors a place. */
import { NndslError } from "../../runtime/errors.ts";
import { readSafetensors, type StoredTensor } from "../../runtime/safetensors.ts";
import { DataError } from "../failures.ts";
import { arrayPlace, type DataArray } from "./array.ts";

/** Eight bytes of length, then a JSON object. */
export const isSafetensors = (bytes: Uint8Array): boolean =>
  bytes.length > 8 && bytes[8] === 0x7b && bytes[7] === 0;

/** @throws DataError where the file is not sound */
export function readTensors(bytes: Uint8Array<ArrayBufferLike>, file: string): Map<string, DataArray> {
  let tensors: ReadonlyMap<string, StoredTensor>;
  try {
    ({ tensors } = readSafetensors(new Uint8Array(bytes)));
  } catch (error) {
    if (!(error instanceof NndslError)) throw error;
    throw new DataError("data-damaged", error.message.replace(/\.$/, ""), { file });
  }
  return new Map(
    [...tensors].map(([name, { shape, data }]) => {
      const place = `${file}:${name}`;
      return [name, { shape, values: data, place: arrayPlace(place, shape), file: place }];
    }),
  );
}
