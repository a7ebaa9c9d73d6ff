// Decides every vector within the scope of this gateway, with the gateway's own code. Run: npm test
import { readdirSync, readFileSync } from 'node:fs'
import { checkStep, dueOn } from './lib/cases.js'
import { keyId, open, parseEnvelope, readJws, sealingKey, sealKid, signKid } from './lib/crypto.js'
import { unpad, verify, verifyJws } from './lib/crypto.js'
import { b64u, fail, fits, instant, minimal, parse, seconds, unb64u } from './lib/forms.js'
import { nextHour } from './lib/send.js'
import * as signed from './lib/signed.js'

const hex = (text) => Buffer.from(text, 'hex')
const toHex = (bytes) => Buffer.from(bytes).toString('hex')
const bytesOf = (i) => i.hex === undefined ? Buffer.from(i.text) : hex(i.hex)
const shown = (value) => Buffer.isBuffer(value) ? toHex(value) : value
const demand = (ok, code) => ok || fail(code)
// An operation gives all that it found, or throws; the vector says what of it is to be compared.
const ops = {
  json: (i) => ({ members: Object.keys(parse(bytesOf(i))).length }),
  payload: (i) => signed.readPayload(bytesOf(i)),
  times: (i) => signed.checkTimes(i, seconds(i.now)),
  body: (i) => demand(fits(i.type, parse(i.text)), 'bad-schema'),
  jws: (i) => {
    const { kid, payload, ...jws } = readJws(i.jws, i.typ.slice(4, -4))
    demand(kid === signKid(hex(i.public)), 'unknown-signer')
    return verifyJws(jws, hex(i.public)) && { kid, payload: payload.toString() }
  },
  ed25519: (i) => demand(verify(hex(i.public), hex(i.signature), hex(i.message))),
  'key-id': (i) => ({ kid: b64u(keyId(i.label, hex(i.public))) }),
  'sealing-key': (i) => (({ key, kid }) => ({ public: toHex(key), kid }))(sealingKey(i.suite, hex(i.seed))),
  'sealing-public': (i) => ({ kid: sealKid(i.suite, hex(i.public)) }),
  'envelope-parse': (i, file) => parseEnvelope(envelope(i.envelope, file), i.suites),
  'envelope-open': async (i, file) => {
    const bytes = envelope(i.envelope, file)
    const [parsed, key] = [parseEnvelope(bytes, [1, 2]), sealingKey(bytes[4], hex(i.seed))]
    return { jws: await open(bytes, parsed, parsed.kid === toHex(unb64u(key.kid)) ? key : fail('unknown-key')) }
  },
  unpad: ({ size, head, last }) => ({ content: toHex(unpad(envelope({ base: 'none', append: head,
    zeros: size - head.length / 2, patch: last ? [[size - 1, toHex([last])]] : [] }, { bases: { none: '' } }))) }),
  receipt: (i) => signed.readReceipt(bytesOf(i)),
  answer: (i) => ({ ...signed.readAnswer(Buffer.from(i.text + ' '.repeat(i.spaces))), r: JSON.parse(i.text).r }),
  statement: ({ statement, kind, public: key, ...due }) => signed.checkStatement(statement, { ...due, statement: kind },
    seconds(due.now), (kid) => kid === signKid(hex(key)) && hex(key)),
  // Of these the gateway has a part: confirmations, and the rule between two States without an agreement.
  'due-statements': ({ type, text }) => !/^(return|information)/.test(type) &&
    { statements: signed.dueStatements(type, parse(text)) },
  due: (i) => i.unit === 'working_day' && i.roll === 'none' && { due_on: dueOn(i.n, i.start_on, i) },
  card: (i) => signed.readCard(i.card, hex(i.identity)),
  advance: (i) => signed.nextCard(signed.readCard(i.held, hex(i.identity)), i.card, seconds(i.now)),
  tree: (i) => ({ root: signed.rootOf(i.entries.reduce((peaks, e, size) => signed.append(peaks, size, hex(e)), [])) }),
  inclusion: (i) => demand(signed.rootFrom(hex(i.leaf), i.index, i.size, i.path.map(hex)).equals(hex(i.root))),
  checkpoint: (i) => signed.readCheckpoint(i.note, i.name, [hex(i.public)]),
  entry: (i) => signed.checkEntry(i.receipt, unb64u(i.r, 32), i.proof, i.origin, [hex(i.public)]),
  reply: ({ question: q, text, now }) => {
    demand(fits('verification.reply', parse(text)), 'bad-schema')
    const asked = { handling: q, limit: q.method_limit, still: q.no_contact_methods, held: true }
    checkStep({ ...asked, side: 'asking', place: 'acknowledged' }, 'verification.reply', parse(text), now.slice(0, 10))
  },
  'withdrawal-leaves': (i) => ({ at: instant(nextHour(seconds(i.now))) }),
  minimise: (i) => demand(minimal(i.purpose, i.members, i.asked), 'not-minimised')
}
function envelope ({ base, cut, append: more = '', zeros = 0, patch = [] }, file) {
  const start = Buffer.from(file.bases[base], 'base64').subarray(0, cut)
  const bytes = Buffer.concat([start, hex(more), Buffer.alloc(zeros)])
  for (const [at, code] of patch) hex(code).copy(bytes, at)
  return bytes
}
const [agree, disagree, left] = [[], [], {}]
const dir = new URL('../../vectors/', import.meta.url)
for (const name of readdirSync(dir).filter((n) => n.endsWith('.json') && n !== 'schema.json').sort()) {
  const file = JSON.parse(readFileSync(new URL(name, dir)))
  for (const { id, op, input, outcome, code, expect } of file.vectors) {
    let got
    try {
      const found = await (ops[op] ?? (() => false))(input, file)
      if (found === false) { left[op] = (left[op] ?? 0) + 1; continue }
      got = ['ok', null, Object.fromEntries(Object.keys(expect ?? {}).map((key) => [key, shown(found[key])]))]
    } catch (e) {
      // Where the protocol sends no code the vector has none, whatever we call the fault.
      got = ['refused', code && (e.code ?? e.message), null]
    }
    const agrees = JSON.stringify(got) === JSON.stringify([outcome, code, expect])
    ;(agrees ? agree : disagree).push([id, got])
  }
}
console.log(...disagree, `agree ${agree.length}, disagree ${disagree.length}; not covered:`, left)
process.exitCode = disagree.length ? 1 : 0
