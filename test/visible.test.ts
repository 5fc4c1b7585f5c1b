import { expect, test } from "vitest";
import { visibleFault } from "./helpers/visible.ts";

test("views and masks show what looking at every entry shows", () => {
  expect(visibleFault()).toBeNull();
});
