/** Memory beside the arena, which all kernels of a worker use one after the other. */

/**
 * For packed factors, for values that all tiles read, and for sums of spans and of stretches of the
 * depth.
 */
export type ProductRoom = "left" | "right" | "kept" | "sums" | "stretches";
export type Room = ProductRoom | "row";

/** By the names of their sizes in a module. */
export const ROOMS: Readonly<Record<Room, { readonly name: string; readonly about: string }>> = {
  left: { name: "BLOCK", about: "Where products pack rows of their left factors" },
  right: { name: "PANEL", about: "Where products pack columns of their right factors" },
  kept: { name: "KEPT", about: "Where products keep what all their tiles read" },
  sums: { name: "ASIDE", about: "Where products put sums over parts of their depth" },
  stretches: { name: "STRETCH", about: "Where products put sums over stretches of their depth" },
  row: { name: "ROOM", about: "Where passes over a row leave what later ones need" },
};
