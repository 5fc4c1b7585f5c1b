/**
 * Places for boxes and arrows, by dagre: the forward pass from left to right, the backward pass
 * under it from right to left.
 */
import { Graph, layout as placeAll } from "@dagrejs/dagre";
import { arrowRows, boxRows, type Row } from "./content.ts";
import type { Arrow, Box, Diagram, Group } from "./diagram.ts";
import type { Numbers } from "./values.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Area extends Point {
  readonly width: number;
  readonly height: number;
}

/** x and y are the middle. */
export interface PlacedBox extends Area {
  readonly box: Box;
  readonly rows: readonly Row[];
  /** The part that arrows end at: a circle's rows stand under it. */
  readonly body: Area;
  readonly isRound: boolean;
}

export interface PlacedArrow {
  readonly arrow: Arrow;
  readonly points: readonly Point[];
  readonly rows: readonly Row[];
  readonly at: Point | null;
}

export interface PlacedGroup extends Area {
  readonly group: Group;
}

export interface Layout extends Omit<Area, "x" | "y"> {
  readonly boxes: readonly PlacedBox[];
  readonly arrows: readonly PlacedArrow[];
  readonly groups: readonly PlacedGroup[];
}

/** In pixels. */
export const FONT = { label: 17, row: 12, group: 13 } as const;
export const LINE = 16;
const MARGIN = 32;
const PASS_GAP = 76;
const ROUND = 44;
const GROUP_PADDING = 16;
const GROUP_TITLE = 20;
/** Between an arrow and a box that it passes. */
const ASIDE = 14;
/** How far before a box an arrow turns towards it. */
const APPROACH = 24;

/** About the width of a text in a sans-serif face. */
export function textWidth(text: string, size: number): number {
  let width = 0;
  for (const letter of text) {
    if (/[\u0300-\u036f]/.test(letter)) continue;
    if (/[ijlftrI.,:;'|()[\]\s·]/.test(letter)) width += 0.34;
    else if (/[mwMW@∘‖]/.test(letter)) width += 0.88;
    else if (/[A-ZΣΠ∇+−=≤≥÷×]/.test(letter)) width += 0.68;
    else width += 0.56;
  }
  return width * size * 1.06;
}

export function placeDiagram(diagram: Diagram, numbers: Numbers | null): Layout {
  const rowsOf = new Map(diagram.boxes.map((box) => [box.id, boxRows(box, numbers)]));
  if (diagram.backOf.size > 0) return mirrored(diagram, rowsOf, numbers);
  const isJoint = diagram.what === "joint";
  const lanes = isJoint
    ? (["forward", "backward"] as const).map((pass) => diagram.boxes.filter((box) => box.pass === pass))
    : [diagram.boxes];
  const placed = lanes.map((boxes, i) => placeLane(diagram, { boxes, leftwards: i === 1 }, rowsOf, numbers));
  const width = Math.max(...placed.map((lane) => lane.width));
  const boxes: PlacedBox[] = [];
  const arrows: PlacedArrow[] = [];
  const groups: PlacedGroup[] = [];
  let top = MARGIN;
  for (const lane of placed) {
    // Both passes meet at the loss, on the right.
    const by = { x: MARGIN + width - lane.width, y: top };
    boxes.push(...lane.boxes.map((b) => ({ ...moved(b, by), body: moved(b.body, by) })));
    groups.push(...lane.groups.map((g) => moved(g, by)));
    arrows.push(
      ...lane.arrows.map((a) => ({
        ...a,
        points: a.points.map((p) => moved(p, by)),
        at: a.at && moved(a.at, by),
      })),
    );
    top += lane.height + PASS_GAP;
  }
  const byId = new Map(boxes.map((b) => [b.box.id, b]));
  const inLanes = new Set(arrows.map(({ arrow }) => arrow));
  for (const arrow of diagram.arrows) {
    const [from, to] = [byId.get(arrow.from), byId.get(arrow.to)];
    if (inLanes.has(arrow) || from === undefined || to === undefined) continue;
    arrows.push({ arrow, points: across(from, to), rows: [], at: null });
  }
  return {
    boxes,
    arrows: arrows.map((a) => ({
      ...a,
      points: clipped(a.points, byId.get(a.arrow.from)!, byId.get(a.arrow.to)!, boxes),
    })),
    groups,
    width: width + 2 * MARGIN,
    height: top - PASS_GAP + MARGIN,
  };
}

/**
 * Folded layers: the backward pass of each under the layer itself, with arrows that run the other
 * way.
 */
function mirrored(
  diagram: Diagram,
  rowsOf: ReadonlyMap<string, readonly Row[]>,
  numbers: Numbers | null,
): Layout {
  const forward = diagram.boxes.filter((box) => box.pass === "forward");
  const backward = diagram.boxes.filter((box) => box.pass === "backward");
  const backOf = new Map(backward.map((box) => [diagram.backOf.get(box.id) ?? "", box]));
  const sizeOf = (box: Box): ReturnType<typeof boxSize> => {
    const own = boxSize(box, rowsOf.get(box.id)!);
    const back = backOf.get(box.id);
    const other = back === undefined ? own : boxSize(back, rowsOf.get(back.id)!);
    return { ...own, width: Math.max(own.width, other.width) };
  };
  const lane = placeLane(diagram, { boxes: forward, leftwards: false, sizeOf }, rowsOf, numbers);
  const top = { x: MARGIN, y: MARGIN };
  const under = { x: MARGIN, y: MARGIN + lane.height + PASS_GAP };
  const boxes = lane.boxes.map((b) => ({ ...moved(b, top), body: moved(b.body, top) }));
  const byId = new Map(boxes.map((b) => [b.box.id, b]));
  let bottom = 0;
  for (const box of backward) {
    const above = byId.get(diagram.backOf.get(box.id) ?? "");
    const { width, height } = boxSize(box, rowsOf.get(box.id)!);
    const at =
      above === undefined ? { x: under.x, y: under.y } : { x: above.x, y: above.y - MARGIN + under.y };
    const area = { ...at, width: Math.max(width, above?.width ?? 0), height };
    byId.set(box.id, { box, rows: rowsOf.get(box.id)!, ...area, body: area, isRound: false });
    bottom = Math.max(bottom, at.y + height / 2);
  }
  const inLane = new Map(lane.arrows.map((a) => [a.arrow, a]));
  const followed = new Set<PlacedArrow>();
  const arrows = diagram.arrows.flatMap((arrow): PlacedArrow[] => {
    const own = inLane.get(arrow);
    if (own !== undefined)
      return [{ ...own, points: own.points.map((p) => moved(p, top)), at: own.at && moved(own.at, top) }];
    const [from, to] = [byId.get(arrow.from), byId.get(arrow.to)];
    if (from === undefined || to === undefined) return [];
    if (arrow.kind === "stored") {
      const between = boxes.find((b) => b.y > from.y && b.y < to.y && Math.abs(b.x - from.x) < b.width / 2);
      return [{ arrow, points: across(from, to, between), rows: [], at: null }];
    }
    const rows = arrowRows(arrow, diagram, numbers);
    const [start, end] = [diagram.backOf.get(arrow.from), diagram.backOf.get(arrow.to)];
    const ahead = lane.arrows.find((a) => a.arrow.from === end && a.arrow.to === start && !followed.has(a));
    // The way back of what skips layers skips them too.
    if (ahead !== undefined && ahead.at !== null) {
      followed.add(ahead);
      const points = ahead.points.map((p) => moved(p, under)).toReversed();
      return [{ arrow, points, rows, at: rows.length === 0 ? null : moved(ahead.at, under) }];
    }
    const middle = { x: (from.x - from.width / 2 + to.x + to.width / 2) / 2, y: (from.y + to.y) / 2 };
    return [{ arrow, points: [from, middle, to], rows, at: rows.length === 0 ? null : middle }];
  });
  const all = [...byId.values()];
  return {
    boxes: all,
    arrows: arrows.map((a) => ({
      ...a,
      points: clipped(a.points, byId.get(a.arrow.from)!, byId.get(a.arrow.to)!, all),
    })),
    groups: [],
    width: lane.width + 2 * MARGIN,
    height: bottom + MARGIN,
  };
}

const moved = <P extends Point>(point: P, by: Point): P => ({
  ...point,
  x: point.x + by.x,
  y: point.y + by.y,
});

/** One pass. */
interface Lane {
  readonly boxes: readonly Box[];
  readonly leftwards: boolean;
  readonly sizeOf?: (box: Box) => ReturnType<typeof boxSize>;
}

/** A lane with its upper left corner at 0, 0. */
function placeLane(
  diagram: Diagram,
  { boxes, leftwards, sizeOf = (box) => boxSize(box, rowsOf.get(box.id)!) }: Lane,
  rowsOf: ReadonlyMap<string, readonly Row[]>,
  numbers: Numbers | null,
): Layout {
  const graph = new Graph({ compound: true, multigraph: true });
  graph.setGraph({ rankdir: leftwards ? "RL" : "LR", nodesep: 34, ranksep: 38, edgesep: 18 });
  graph.setDefaultEdgeLabel(() => ({}));
  const sizes = new Map(boxes.map((box) => [box.id, sizeOf(box)]));
  const present = new Set(boxes.map(({ group }) => group));
  for (const { id } of diagram.groups) if (present.has(id)) graph.setNode(id, {});
  for (const box of boxes) {
    const { width, height } = sizes.get(box.id)!;
    graph.setNode(box.id, { width, height });
    if (box.group !== null) graph.setParent(box.id, box.group);
  }
  const arrows = diagram.arrows.filter((arrow) => sizes.has(arrow.from) && sizes.has(arrow.to));
  arrows.forEach((arrow, i) => {
    const rows = arrowRows(arrow, diagram, numbers);
    const width = Math.max(0, ...rows.map((row) => textWidth(row.text, FONT.row) + 10));
    graph.setEdge(arrow.from, arrow.to, { width, height: rows.length * LINE, labelpos: "c" }, String(i));
  });
  placeAll(graph);

  const placedBoxes = boxes.map((box): PlacedBox => {
    const { x, y } = graph.node(box.id) as Point;
    const { width, height, isRound } = sizes.get(box.id)!;
    const body = isRound
      ? { x, y: y - height / 2 + ROUND / 2, width: ROUND, height: ROUND }
      : { x, y, width, height };
    return { box, rows: rowsOf.get(box.id)!, x, y, width, height, body, isRound };
  });
  const placedArrows = arrows.map((arrow, i): PlacedArrow => {
    // dagre leaves its results in the labels it was given.
    const edge = graph.edge(arrow.from, arrow.to, String(i)) as {
      readonly points: readonly Point[];
      readonly x?: number;
      readonly y?: number;
    };
    const rows = arrowRows(arrow, diagram, numbers);
    const at =
      rows.length === 0 || edge.x === undefined || edge.y === undefined ? null : { x: edge.x, y: edge.y };
    return { arrow, points: edge.points, rows, at };
  });
  const lane = { boxes: placedBoxes, arrows: placedArrows, groups: [], width: 0, height: 0 };
  const upright = descends(placedBoxes) ? lane : upsideDown(lane);
  return atOrigin({ ...upright, groups: groupAreas(diagram.groups, upright.boxes) });
}

/** Around the boxes of each group, with room for its title above them. */
function groupAreas(groups: readonly Group[], boxes: readonly PlacedBox[]): PlacedGroup[] {
  return groups.flatMap((group): PlacedGroup[] => {
    const inside = boxes.filter((p) => p.box.group === group.id);
    if (inside.length === 0) return [];
    const left = Math.min(...inside.map((p) => p.x - p.width / 2)) - GROUP_PADDING;
    const right = Math.max(...inside.map((p) => p.x + p.width / 2)) + GROUP_PADDING;
    const top = Math.min(...inside.map((p) => p.y - p.height / 2)) - GROUP_PADDING - GROUP_TITLE;
    const bottom = Math.max(...inside.map((p) => p.y + p.height / 2)) + GROUP_PADDING;
    return [
      { group, x: (left + right) / 2, y: (top + bottom) / 2, width: right - left, height: bottom - top },
    ];
  });
}

/**
 * Whether what was declared first stands above what came after, on the whole; inputs of folded
 * layers stand above these.
 */
function descends(boxes: readonly PlacedBox[]): boolean {
  const mean = (kind: Box["kind"]): number => {
    const heights = boxes.filter(({ box }) => box.kind === kind).map(({ y }) => y);
    return heights.reduce((sum, y) => sum + y, 0) / heights.length;
  };
  if (boxes.some(({ box }) => box.kind === "layer")) return !(mean("input") > mean("layer"));
  const given = boxes.filter(({ box }) => box.kind === "input" || box.kind === "parameter");
  let balance = 0;
  for (const [i, upper] of given.entries()) {
    for (const lower of given.slice(i + 1)) balance += Math.sign(lower.y - upper.y);
  }
  return balance >= 0;
}

function upsideDown({ boxes, arrows, ...rest }: Layout): Layout {
  const mirror = <P extends Point>(point: P): P => ({ ...point, y: -point.y });
  return {
    ...rest,
    // A circle's rows stand under it either way.
    boxes: boxes.map((b) => ({ ...mirror(b), body: { ...b.body, y: b.body.y - 2 * b.y } })),
    arrows: arrows.map((a) => ({ ...a, points: a.points.map(mirror), at: a.at && mirror(a.at) })),
  };
}

function atOrigin({ boxes, arrows, groups }: Layout): Layout {
  const areas: readonly Area[] = [
    ...boxes,
    ...groups,
    ...arrows.flatMap(({ points }) => points.map((p) => ({ ...p, width: 0, height: 0 }))),
  ];
  const left = Math.min(...areas.map((a) => a.x - a.width / 2));
  const top = Math.min(...areas.map((a) => a.y - a.height / 2));
  const by = { x: -left, y: -top };
  return {
    boxes: boxes.map((b) => ({ ...moved(b, by), body: moved(b.body, by) })),
    arrows: arrows.map((a) => ({
      ...a,
      points: a.points.map((p) => moved(p, by)),
      at: a.at && moved(a.at, by),
    })),
    groups: groups.map((g) => moved(g, by)),
    width: Math.max(...areas.map((a) => a.x + a.width / 2)) - left,
    height: Math.max(...areas.map((a) => a.y + a.height / 2)) - top,
  };
}

function boxSize(
  box: Box,
  rows: readonly Row[],
): { readonly width: number; readonly height: number; readonly isRound: boolean } {
  const rowWidth = Math.max(0, ...rows.map((row) => textWidth(row.text, FONT.row)));
  // Names are set in bold.
  const labelWidth = textWidth(box.label, FONT.label) * (box.kind === "operation" ? 1 : 1.08);
  if (box.kind === "operation" && labelWidth <= ROUND - 12) {
    return { width: Math.max(ROUND, rowWidth), height: ROUND + rows.length * LINE, isRound: true };
  }
  return {
    width: Math.max(ROUND, labelWidth, rowWidth) + 24,
    height: 34 + rows.length * LINE,
    isRound: false,
  };
}

/**
 * From a box of the forward pass down to one of the backward pass, on the right of a box that lies
 * between.
 */
function across(from: PlacedBox, to: PlacedBox, between?: PlacedBox): Point[] {
  const start = { x: from.x, y: from.y + from.height / 2 };
  const end = { x: to.x, y: to.y - to.height / 2 };
  const middle = (start.y + end.y) / 2;
  if (between === undefined) return [start, { x: start.x, y: middle }, { x: end.x, y: middle }, end];
  const right = between.x + between.width / 2 + ASIDE;
  return [start, { x: right, y: from.y }, { x: right, y: middle }, { x: end.x, y: middle }, end];
}

/** Ends on the outlines of what it joins. */
function clipped(
  points: readonly Point[],
  from: PlacedBox,
  to: PlacedBox,
  boxes: readonly PlacedBox[],
): Point[] {
  if (points.length < 2) return [...points];
  const others = boxes.filter((box) => box !== from && box !== to);
  const inner = aside(points.slice(1, -1), to, others);
  const start = outline(from, inner[0] ?? to.body);
  const end = outline(to, inner.at(-1) ?? from.body);
  return [start, ...inner, end];
}

/** Lets an arrow that would run over another box on the last of its way arrive from the side. */
function aside(inner: readonly Point[], { body }: PlacedBox, others: readonly PlacedBox[]): readonly Point[] {
  const last = inner.at(-1);
  if (last === undefined || !others.some((other) => isCrossed(other.body, last, body))) return inner;
  return [...inner, { x: body.x - Math.sign(body.x - last.x) * (body.width / 2 + APPROACH), y: body.y }];
}

/** Whether the line between two points touches an area. */
function isCrossed(area: Area, from: Point, to: Point): boolean {
  let [enters, leaves] = [0, 1];
  for (const [start, way, middle, size] of [
    [from.x, to.x - from.x, area.x, area.width],
    [from.y, to.y - from.y, area.y, area.height],
  ] as const) {
    const [one, other] = [(middle - size / 2 - start) / way, (middle + size / 2 - start) / way];
    enters = Math.max(enters, Math.min(one, other));
    leaves = Math.min(leaves, Math.max(one, other));
  }
  return enters <= leaves;
}

/** Where the line from the middle of a box to `towards` leaves it. */
function outline({ body, isRound }: PlacedBox, towards: Point): Point {
  const [dx, dy] = [towards.x - body.x, towards.y - body.y];
  const distance = Math.hypot(dx, dy);
  if (distance === 0) return body;
  const scale = isRound
    ? body.width / 2 / distance
    : Math.min(body.width / 2 / Math.max(Math.abs(dx), 1e-9), body.height / 2 / Math.max(Math.abs(dy), 1e-9));
  return { x: body.x + dx * scale, y: body.y + dy * scale };
}
