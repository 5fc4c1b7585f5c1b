/**
 * Which kernels may run past their last entry to the end of a whole vector. Places in memory are
 * rounded up to 16 bytes, and the capacity in rows to a multiple of four, so what lies there
 * belongs to nobody; code for the entries left over would take more than half of a small kernel.
 */
import { constantOf, countOf, fixed, isFree, isZero, multiplySize, sameSize, type Size } from "../ir/size.ts";
import { kernelOf } from "./arguments.ts";
import type { Kernel, KernelCall, KernelProgram } from "./kernel.ts";

/**
 * Beside the kernels: whether the one loop of a nest, or the rows of a product, may be rounded up
 * in every call.
 */
export function paddedKernels(program: KernelProgram): boolean[] {
  const calls = program.entries.flatMap((entry) => entry.calls);
  return program.kernels.map((kernel, index) => {
    if (kernel.operands.some(({ lists }) => lists !== undefined)) return false;
    const isCandidate =
      kernel.kind === "product" ? kernel.loops.length === 2 : kernel.loops.length === 1 && kernel.inner === 0;
    return (
      isCandidate &&
      calls.every((call) => call.kernel !== index || hasRoom(kernelOf(program, call), call, program))
    );
  });
}

/**
 * Whether each view of the call goes through the whole of its buffer: by rows, or entry by entry.
 */
function hasRoom(kernel: Kernel, call: KernelCall, { buffers }: KernelProgram): boolean {
  const loop = kernel.loops[0]!;
  const size: Size =
    isFree(loop) && call.rows !== undefined ? multiplySize(fixed(countOf(loop)), call.rows) : loop;
  return call.addresses.every(({ buffer, offset }, k) => {
    const stride = constantOf(kernel.operands[k]!.strides[0]!);
    if (stride === 0) return true;
    const { size: whole, role } = buffers[buffer]!;
    return (
      role.kind !== "table" &&
      isZero(offset) &&
      stride !== null &&
      (isFree(size) ? stride > 0 : stride === 1) &&
      sameSize(whole, multiplySize(size, fixed(stride)))
    );
  });
}
