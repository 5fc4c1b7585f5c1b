/** The buttons of a live page, and the slider of its learning rate. */
import { markup, type Html } from "../report/html.ts";
import type { Progress } from "../report/run.ts";

/** Powers of ten that the slider reaches down and up from where it begins. */
const REACH = 3;

export function controls({ status, hyper }: Progress): Html {
  const { lr } = hyper;
  const running = status === "running" || status === "paused";
  const hidden = running ? null : markup` hidden`;
  return markup`<div id="controls" ${hidden}>
      <button type="button" id="pause">${status === "paused" ? "Resume" : "Pause"}</button
      ><button type="button" id="stop">Stop</button>${lr === undefined || lr <= 0 ? null : slider(lr)}
    </div>
    <p id="connection"></p>`;
}

function slider(lr: number): Html {
  const at = Math.log10(lr);
  return markup`<label
    >learning rate
    <input type="range" id="lr" min="${at - REACH}" max="${at + REACH}" step="0.02" value="${at}" /><output
      id="lr-value"
      >${Number(lr.toPrecision(3))}</output
    ></label
  >`;
}
