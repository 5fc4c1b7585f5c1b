/** A mistake of the compiler itself, never of the program it was given. */
export class CompilerFault extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "CompilerFault";
  }
}
