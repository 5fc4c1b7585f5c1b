// A compiled model inside a Node program: no compiler, no package, two files beside this one. Before running it:
//   npx nndsl compile examples/xor.nn -o examples/node && node examples/node/main.js
import { load } from "./xor.js";

const x = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const y = [[0], [1], [1], [0]];

const net = await load();

// XOR has bad local minima, so other first weights are tried until one start gets there.
for (let seed = 0; ; seed++) {
  net.reset(seed);
  const { loss } = await net.fit({ x, y }, { epochs: 500, batch: 4 });
  console.log(`seed ${seed}: loss ${loss.toFixed(4)}`);
  if (loss < 0.1) break;
}

const { p } = net.predict({ x });
x.forEach(([a, b], row) => console.log(`${a} xor ${b} = ${p.data[row].toFixed(3)}`));
net.dispose();
