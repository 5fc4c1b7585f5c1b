/**
 * Which kernels may run past their last entry to the end of a whole vector. Places in memory are rounded up to 16 bytes, and the capacity in rows to
 * a multiple of four, so what lies there belongs to nobody; code for the entries left over would take more than half of a small kernel.
 */
import type { Size } from "../ir/size.ts";
import type { Kernel, KernelCall, Program } from "./kernel.ts";

/** Beside the kernels: whether the one loop of a nest, or the rows of a product, may be rounded up in every call. */
export function paddedKernels(program: Program): boolean[] {
  const calls = program.entries.flatMap((entry) => entry.calls);
  return program.kernels.map((kernel, index) => {
    const isCandidate =
      kernel.kind === "product" ? kernel.loops.length === 2 : kernel.loops.length === 1 && kernel.inner === 0;
    return isCandidate && calls.every((call) => call.kernel !== index || hasRoom(kernel, call, program));
  });
}

/** Whether each view of the call goes through the whole of its buffer: by rows, or entry by entry. */
function hasRoom(kernel: Kernel, call: KernelCall, { buffers }: Program): boolean {
  const loop = kernel.loops[0]!;
  const size: Size =
    loop.free && call.rows !== undefined
      ? { count: loop.count * call.rows.count, free: call.rows.free }
      : loop;
  return call.addresses.every(({ buffer, offset }, k) => {
    const stride = kernel.operands[k]!.strides[0]!;
    if (stride.constant === 0 && stride.perRow === 0) return true;
    const { size: whole, role } = buffers[buffer]!;
    return (
      role.kind !== "table" &&
      offset.constant === 0 &&
      offset.perRow === 0 &&
      stride.perRow === 0 &&
      (size.free ? stride.constant > 0 : stride.constant === 1) &&
      whole.free === size.free &&
      whole.count === size.count * stride.constant
    );
  });
}
