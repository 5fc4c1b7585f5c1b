/**
 * How V8 lets the heaps of the command grow: imported first, since it has to be said before there is
 * one to speak of. The library says nothing of the kind: its heap is its host's.
 *
 * By itself V8 lets a heap grow to four times what was alive when it last looked, and what is new
 * fill 64 MB besides: of a model of 50,000 operations 100 MB are alive at most, and 430 MB were taken.
 * At twice, and with as little for what is new as it begins with, it takes some 300 MB, for a
 * seventh more processor time. A small model, for which it looks once or twice at all, takes as long as
 * before.
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--heap-growing-percent=100");
setFlagsFromString("--semi-space-growth-factor=1");
