/**
 * How V8 lets the heaps of the command grow: imported first, since it has to be said before there is
 * one to speak of. The library says nothing of the kind: its heap is its host's.
 *
 * By itself V8 lets a heap grow to four times what was alive when it last looked, and to what is made
 * while it looks; it fills 64 MB with what is new, and copies that on several threads, each of which
 * takes pages of its own. Of a model of 50,000 operations 80 MB are alive at most, and 430 MB were taken.
 * As here it takes some 255 MB, for a tenth more processor time: a compilation may stand still for 30 ms. A small model,
 * for which V8 looks once or twice at all, takes as long as before.
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--heap-growing-percent=70");
setFlagsFromString("--semi-space-growth-factor=1");
setFlagsFromString("--no-parallel-scavenge");
setFlagsFromString("--no-incremental-marking");
