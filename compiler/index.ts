/** The compiler as a library: `import { compile, check, format } from "nndsl"`. */
import "./engine.ts";
export { analyze, check, compile, format, OptionError, plan } from "./library.ts";
export { coolDown, warmUp } from "./assemble/assemble.ts";
export { CompilerFault } from "./fault.ts";
export * from "./options.ts";
export type { Report } from "./report/report.ts";
export { renderDiagnostic, lineAndColumn } from "../grammar/render-diagnostic.ts";
export {
  DiagnosticError,
  type Diagnostic,
  type Label,
  type Severity,
  type Span,
} from "../grammar/diagnostic.ts";
export { version } from "./version.ts";
