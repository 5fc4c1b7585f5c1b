/** What schedules programs, and what verifies and runs them, in one place, for it to be loaded with mistakes. */
export { schedule } from "../../compiler/schedule/schedule.ts";
export { Interpreter } from "./interpret.ts";
export { verifyProgram } from "../../compiler/schedule/verify-program.ts";
