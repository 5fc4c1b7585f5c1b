/**
 * Loads the assembler before any command does, which would have V8 optimize it rarely: it is to
 * compile hundreds of modules here.
 */
import { warmUp } from "../../compiler/index.ts";

warmUp();
