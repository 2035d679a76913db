// Bundles main.jsx into ../assets: one script, one style sheet and the licences of all that is in them. Run by `make graphiql`.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const assets = '../assets';

const result = await build({
  entryPoints: { graphiql: 'main.jsx' },
  outdir: assets,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome110', 'firefox115', 'safari16'],
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none',
  alias: { 'react-style-singleton': './no-styles.js' },
  metafile: true,
});

// The fonts that GraphiQL embeds are a fifth of all bytes; the reader's own fonts serve as well.
const sheet = join(assets, 'graphiql.css');
writeFileSync(sheet, readFileSync(sheet, 'utf8').replace(/@font-face\{[^}]*\}/g, ''));

const folders = new Set(
  Object.keys(result.metafile.inputs)
    .map((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0])
    .filter(Boolean),
);
const notices = [...folders].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : 'No licence file.'}\n`;
});
writeFileSync(join(assets, 'licences.txt'), notices.join(`\n${'-'.repeat(80)}\n\n`));
console.log(`bundled ${folders.size} packages into ${dirname(sheet)}`);
