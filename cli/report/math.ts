/** Formulas of LaTeX as HTML, with the style and the fonts that they need and no others. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Html } from "./html.ts";

/** Lines `name &= formula`, or formulas alone, one beneath the other. */
export async function mathHtml(lines: readonly string[]): Promise<Html> {
  const { default: katex } = await import("katex");
  const latex = `\\begin{aligned}${lines.join(" \\\\ ")}\\end{aligned}`;
  // What KaTeX cannot read it shows as it is; it escapes texts itself.
  return new Html(katex.renderToString(latex, { displayMode: true, throwOnError: false, strict: "ignore" }));
}

/** KaTeX's fonts by what tells that they are used. */
const fonts: readonly (readonly [file: string, use: RegExp])[] = [
  ["KaTeX_Main-Regular", /class="katex"/],
  ["KaTeX_Math-Italic", /mathnormal/],
  ["KaTeX_Main-Italic", /mathit|textit/],
  ["KaTeX_Main-Bold", /mathbf|textbf/],
  ["KaTeX_AMS-Regular", /amsrm|mathbb/],
  ["KaTeX_Typewriter-Regular", /mathtt|texttt/],
  ["KaTeX_Size1-Regular", /size1|small-op/],
  ["KaTeX_Size2-Regular", /size2|large-op/],
  ["KaTeX_Size3-Regular", /size3/],
  ["KaTeX_Size4-Regular", /size4/],
];

/** KaTeX's style for a page with these formulas, its fonts in it. */
export async function mathStyle(formulas: string): Promise<string> {
  if (!formulas.includes('class="katex"')) return "";
  const { resolve } = createRequire(import.meta.url);
  const css = await readFile(resolve("katex/dist/katex.min.css"), "utf8");
  const used = fonts.filter(([, use]) => use.test(formulas)).map(([file]) => file);
  const data = new Map(
    await Promise.all(
      used.map(async (file) => {
        const bytes = await readFile(resolve(`katex/dist/fonts/${file}.woff2`));
        return [file, bytes.toString("base64")] as const;
      }),
    ),
  );
  return css.replaceAll(/@font-face\{[^}]*\}/g, (face) => {
    const file = /fonts\/([\w-]+)\.woff2/.exec(face)?.[1] ?? "";
    const base64 = data.get(file);
    if (base64 === undefined) return "";
    return face.replace(/src:[^;}]*/, `src:url(data:font/woff2;base64,${base64}) format("woff2")`);
  });
}
