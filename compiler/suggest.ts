export { closest } from "../grammar/suggest.ts";
