// Reads trust lists with tuf-js, a client that shares nothing with ours, and says what it makes of each.
//
// Each line of standard input is a reading: [METADATA_DIR, ADDRESS, TARGET...] as JSON, where METADATA_DIR holds
// root.json, and what earlier readings kept; nothing else is known of those. Prints one line of JSON for each: "refused"
// is why the list as a whole was refused, or null; "targets" the SHA-256 of each target, null if the list has none, or
// why it was refused.
"use strict";
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync } = require("node:fs");
const { createInterface } = require("node:readline");
const { Updater } = require("tuf-js");

async function read([metadataDir, address, ...paths]) {
  const targetDir = `${metadataDir}-targets`;
  mkdirSync(targetDir, { recursive: true });
  const updater = new Updater({
    metadataDir,
    metadataBaseUrl: `${address}/metadata`,
    targetDir,
    targetBaseUrl: `${address}/targets`,
    config: { fetchRetries: 0, fetchTimeout: 10000 },
  });
  const told = { refused: null, targets: {} };
  try {
    await updater.refresh();
  } catch (error) {
    told.refused = String(error.message || error);
    return told;
  }
  for (const path of paths) {
    try {
      const info = await updater.getTargetInfo(path);
      const file = info && (await updater.downloadTarget(info));
      told.targets[path] = file ? createHash("sha256").update(readFileSync(file)).digest("hex") : null;
    } catch (error) {
      told.targets[path] = { refused: String(error.message || error) };
    }
  }
  return told;
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await read(JSON.parse(line)))}\n`);
  }
}

main();
