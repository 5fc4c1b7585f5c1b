/** The compiler as a library: `import { compile, check, format } from "nndsl"`. */
export { analyse, check, compile, type Analysis } from "./compile.ts";
export { warmUp } from "./assemble/assemble.ts";
export { CompilerFault } from "./fault.ts";
export * from "./options.ts";
export type { Report } from "./report.ts";
export { format } from "../grammar/format.ts";
export { renderDiagnostic, lineAndColumn } from "../grammar/render-diagnostic.ts";
export {
  DiagnosticError,
  type Diagnostic,
  type Label,
  type Severity,
  type Span,
} from "../grammar/diagnostic.ts";
export { version } from "./version.ts";
