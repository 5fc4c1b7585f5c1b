/** What a part of the page is, and what several of them are made of. */
import { cut } from "../../terminal/cut.ts";
import { markup, type Html } from "../html.ts";

export interface Section {
  /** Of its place in the page. */
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

/** A name from a program or a data set, no longer than it can be read. */
export const named = (text: string): string => cut(text, 60);

export interface Column {
  readonly title: string;
  /** Numbers stand to the right; what is wide may take several lines. */
  readonly kind?: "number" | "text" | "wide";
}

/** A table that scrolls where the page is narrow. */
export const table = (columns: readonly Column[], rows: readonly (readonly (string | Html)[])[]): Html =>
  markup`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${columns.map(({ title, kind = "text" }) => markup`<th class="${kind}" scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            markup`<tr>
              ${row.map((cell, i) => markup`<td class="${columns[i]?.kind ?? "text"}">${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;

/** What is said in place of something that is not there. */
export const absent = (text: string | Html): Html => markup`<p class="absent">${text}</p>`;
