/** A loop is what its body gives written out place by place; and equal loops are one. */
import { expect, test } from "vitest";
import { faultOfTwins, loopTwins } from "./helpers/loop-twins.ts";

test.each(Object.entries(loopTwins))("%s", async (_, twins) => {
  expect(await faultOfTwins(twins)).toBeNull();
});
