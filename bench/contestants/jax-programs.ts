/** Programs that are no dense nets, as jax-js writes them; see jax.ts for how it counts references. */
import { jit, nn, numpy as np, scipySpecial, tree, valueAndGrad, type Array as Tensor } from "@jax-js/jax";
import { valuesOf, type ProgramJob, type ProgramName, type Read } from "../job.ts";
import { at, attention, dense, norm, type Settings, type Tensors } from "./jax-layers.ts";
import { gpt } from "./jax-gpt.ts";
import { block as imageBlock, digitsConv, mobile } from "./jax-images.ts";
import { gru, lstm } from "./jax-recurrent.ts";
import { firstLosses, sample, Unavailable, type Work } from "./contestant.ts";

interface Written {
  readonly output: (parameters: Tensors, inputs: Tensors, settings: Settings) => Tensor;
  readonly loss: (parameters: Tensors, inputs: Tensors, settings: Settings) => Tensor;
}

const gelu = (x: Tensor): Tensor => x.ref.mul(0.5).mul(scipySpecial.erf(x.mul(Math.SQRT1_2)).add(1));

function block(p: Tensors, path: string, x: Tensor, heads: number): Tensor {
  const qkv = dense(p, `${path}.mixed.qkv`, norm(p, `${path}.before`, x.ref));
  const h = x.add(dense(p, `${path}.mixed.out`, attention(qkv, heads)));
  const up = gelu(dense(p, `${path}.up`, norm(p, `${path}.after`, h.ref)));
  return h.add(dense(p, `${path}.down`, up));
}

function transformer(p: Tensors, { x }: Tensors, settings: Settings): Tensor {
  const { blocks = 0, heads = 1 } = settings;
  let h = x!.ref;
  for (let i = 0; i < blocks; i++) h = block(p, `h.${i}`, h, heads);
  return dense(p, "logits", h.mean(1));
}

const softmaxRows = (p: Tensors, { x }: Tensors): Tensor => nn.softmax(at(p, "weight").mul(x!.ref), -1);

type Logits = (parameters: Tensors, inputs: Tensors, settings: Settings) => Tensor;

/** Cross-entropy at the labels, of which there are as many as the logits' last axis has entries. */
const classifier = (logits: Logits): Written => ({
  output: (p, inputs, settings) => nn.softmax(logits(p, inputs, settings), -1),
  loss(p, inputs, settings) {
    const z = logits(p, inputs, settings);
    const classes = z.shape.at(-1)!;
    return nn
      .logSoftmax(z, -1)
      .mul(nn.oneHot(at(inputs, "y"), classes))
      .sum(-1)
      .mean()
      .neg();
  },
});

const programs: Readonly<Partial<Record<ProgramName, Written>>> = {
  transformer: classifier(transformer),
  "digits-conv": classifier(digitsConv),
  block: classifier(imageBlock),
  mobile: classifier(mobile),
  gpt: classifier(gpt),
  lstm: classifier(lstm),
  gru: classifier(gru),
  "softmax-rows": {
    output: softmaxRows,
    loss: (p, inputs) => np.square(softmaxRows(p, inputs).sub(at(inputs, "y"))).mean(),
  },
};

/** @throws Unavailable for a program that is not written here */
export async function programWork(job: ProgramJob, read: Read): Promise<Work> {
  const written = programs[job.program];
  if (written === undefined) throw new Unavailable(`${job.program} is not written for it`);
  const tensors = async (files: ProgramJob["tensors"]): Promise<Tensors> => {
    const found: Tensors = {};
    for (const [name, file] of Object.entries(files)) {
      found[name] = np.array(await valuesOf(file, read)).reshape([...file.shape]);
    }
    return found;
  };
  let parameters = await tensors(job.parameters);
  const inputs = await tensors(job.tensors);
  const { settings, lr } = job;
  if (job.mode === "predict") {
    const forward = jit((p: Tensors, inputs: Tensors) => written.output(p, inputs, settings));
    const call = () => forward(tree.ref(parameters), tree.ref(inputs)).dataSync();
    return { units: 1, call, check: () => sample(call()) };
  }
  const step = jit((p: Tensors, inputs: Tensors): [Tensor, Tensors] => {
    const [value, gradients] = valueAndGrad((p: Tensors, inputs: Tensors) =>
      written.loss(p, inputs, settings),
    )(tree.ref(p), inputs);
    return [value, tree.map((p: Tensor, g: Tensor) => p.sub(g.mul(lr)), p, gradients) as Tensors];
  });
  const call = () => {
    const [value, next] = step(parameters, tree.ref(inputs));
    parameters = next;
    return value.dataSync()[0] ?? NaN;
  };
  return { units: 1, call, check: () => firstLosses(call) };
}
