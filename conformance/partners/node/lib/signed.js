// What is signed: payloads (3.2), statements (section 6), receipts and answers (5.5), cards (8.1), the log (section 7).
import { goodKey, publicOf, readJws, sealKid, sign, signKid, verify, verifyJws } from './crypto.js'
import { b64u, digest, fail, fits, hmac, load, orFail, parse, seconds, sha256, tables, unb64, unb64u } from './forms.js'

// The schemas name the members of each text in their order; a text has nothing else, and no white space.
export const pick = (object, names) => object && Object.fromEntries(names.map((name) => [name, object[name]]))
export const [writeFrame, writeStatement, writeReceipt] = ['payload', 'statement', 'receipt'].map((name) => {
  const { required } = load(`json/${name}.json`)
  return (content) => JSON.stringify(pick({ v: 1, ...content }, required))
})
const clockOf = ({ clock }) => pick(clock, ['service', 'step', 'calendar', 'version'])
const frameText = (p) => writeFrame({ ...p, clock: clockOf(p), body: undefined }).slice(0, -1) + ',"body":'
// `body` is text: the bytes that people approved go in unchanged [M-6.3].
export const writePayload = (frame, body) => frameText(frame) + body + '}'

export function readPayload (bytes) {
  const p = parse(bytes)
  if (!fits('payload', p)) fail('bad-payload')
  // The schema has checked names and forms, and none of them needs an escape: the shortest text is the only one.
  const [text, frame] = [bytes.toString(), frameText(p)]
  if (!text.startsWith(frame + '{') || !text.endsWith('}}')) fail('bad-payload')
  const body = text.slice(frame.length, -1)
  return { ...p, text: body, digest: digest(bytes), body_digest: digest(body) }
}
export const [SLACK, VALID] = [300, 30 * 86400]
export function checkTimes ({ issued_at: issued, expires_at: expires }, now) {
  const [from, until] = [seconds(issued), seconds(expires)]
  if (until < from || until > from + VALID || from > now + SLACK) fail('stale')
  if (now > until + SLACK) fail('expired')
}
// Kind and role of each statement that a message must carry [M-6.1].
export const dueStatements = (type, { outcome }) =>
  type === 'verification.reply' && tables.second.includes(outcome) ? [['reply.second-signature', 'second_signer']] : []
// `keyOf` gives the public key of a kid in the role that is due.
export const checkStatement = (text, due, now, keyOf) => orFail('bad-statement', () => {
  const jws = readJws(text, 'statement')
  verifyJws(jws, keyOf(jws.kid))
  const s = parse(jws.payload)
  const right = jws.payload.toString() === writeStatement({ ...s, ...due })
  if (!right || !fits('statement', s) || now > seconds(s.valid_until)) throw new Error('another statement')
})
export const readReceipt = (bytes) => orFail('bad-payload', () => {
  const r = parse(bytes)
  const right = fits('receipt', r) && bytes.toString() === writeReceipt(r) && !(r.start_on > r.due_on)
  return right ? r : fail('bad-payload')
})

const BLOCK = 4096
const ANSWER = /^\{"receipt":"[^"\s\\]*","r":"[^"\s\\]*","proof":"(?:[^"\\]|\\n)*"\} *$/
export function writeAnswer ({ receipt, r, proof }) {
  const bytes = Buffer.from(JSON.stringify({ receipt, r, proof }))
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - bytes.length % BLOCK) % BLOCK, ' ')])
}
export const readAnswer = (bytes) => orFail('bad-payload', () => {
  const answer = parse(bytes)
  const right = bytes.length % BLOCK === 0 && bytes.length <= 16 * BLOCK && fits('answer', answer) && ANSWER.test(bytes)
  return right ? { ...answer, r: unb64u(answer.r, 32) } : fail('bad-payload')
})
const demand = (ok, what, hold = false) => { if (!ok) throw Object.assign(new Error(what), { hold }) }
// A card under the identity key given. `hold` of an error says whether [M-8.5] wants a hold.
export function readCard (text, identity) {
  const jws = readJws(text, 'card')
  demand(goodKey(identity) && jws.kid === signKid(identity), 'identity key', true)
  verifyJws(jws, identity)
  const card = parse(jws.payload)
  const first = card.prev === null
  demand(fits('card', card) && card.identity === b64u(identity) && first === (card.serial === 1), 'content')
  const rows = [card.signing, card.roles, card.log, card.sealing].flat()
  for (const { kid, suite, key, from, until } of rows) {
    const own = suite ? sealKid(suite, unb64u(key)) : goodKey(unb64u(key, 32)) && signKid(unb64u(key))
    demand(kid === own && !(until <= from), 'key or window')
  }
  demand(new Set([card.identity, ...rows.map((row) => row.key)]).size === rows.length + 1, 'a key in two places')
  return { ...card, digest: digest(jws.payload), jws: text }
}
// The next card after the one held [M-8.1].
export function nextCard (held, text, now) {
  const card = readCard(text, unb64u(held.identity))
  const rival = card.serial === held.serial && card.digest !== held.digest // two cards in one place
  demand(card.country === held.country && (card.serial === held.serial + 1 || rival), 'country or serial')
  demand(card.prev === held.digest && card.epoch >= held.epoch, 'prev or epoch', true)
  demand(card.issued_at >= held.issued_at && seconds(card.issued_at) <= now + SLACK, 'issued_at')
  const keys = (c) => [...c.signing, ...c.sealing, ...c.roles]
  const gone = [...held.gone ?? [], ...keys(held).filter((row) => row.revoked_at)] // a card may leave them out
  const back = ({ kid, revoked_at: at }) => keys(card).some((row) => row.kid === kid && !(row.revoked_at <= at))
  demand(!gone.some(back), 'revocation', true)
  return { ...card, gone }
}
// Windows are judged as text: all instants have one form, and null is never before one.
export const active = (row, at) => row.from <= at && at < row.until && !(row.revoked_at <= at)
export const keyIn = (rows, kid, at) =>
  rows.filter((row) => row.kid === kid && active(row, at)).map((row) => unb64u(row.key))[0]
// The key to seal to: the latest `from`, and of those the lower suite [2.1].
export const sealTo = (card, at) => card.sealing.filter((row) => active(row, at))
  .sort((a, b) => b.from.localeCompare(a.from) || a.suite - b.suite)[0]
// The log (section 7): an append-only tree for each partner. A proof is given for the newest entry only, when its
// receipt is made, so a tree is kept as its size and its peaks: the roots of the full subtrees, the largest first.
const [LEAF, NODE] = [Buffer.of(0), Buffer.of(1)]
const node = (left, right) => sha256(NODE, left, right)
export const entryOf = (receipt, r) => hmac(r, sha256(receipt))
// The peaks before the append are the path of the new leaf, the nearest last.
export function append (peaks, size, entry) {
  let hash = sha256(LEAF, entry)
  const left = [...peaks]
  for (let n = size; n % 2 === 1; n = (n - 1) / 2) hash = node(left.pop(), hash)
  return [...left, hash]
}
export const rootOf = (peaks) => peaks.length ? peaks.reduceRight((right, left) => node(left, right)) : sha256()
// The root that a leaf and its path lead to, by the definition of the tree; the last hash of the path is the topmost.
export function rootFrom (leaf, index, size, path) {
  if (size <= 1) return size === 1 && index === 0 && path.length === 0 ? leaf : fail('path')
  const [top, rest] = [path.at(-1) ?? fail('path'), path.slice(0, -1)]
  let k = 1 // the largest power of two below the size; sizes may pass 32 bits
  while (2 * k < size) k *= 2
  return index < k ? node(rootFrom(leaf, index, k, rest), top) : node(top, rootFrom(leaf, index - k, size - k, rest))
}

const noteHash = (name, key) => sha256(`${name}\n`, NODE, key).subarray(0, 4) // 0x01 is Ed25519 here
const natural = (text) => /^(?:0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(+text) ? +text : fail('number')
export function writeCheckpoint (seed, origin, size, root) {
  const text = `${origin}\n${size}\n${root.toString('base64')}\n`
  const signature = Buffer.concat([noteHash(origin, publicOf(seed)), sign(seed, Buffer.from(text))])
  return `${text}\n— ${origin} ${signature.toString('base64')}\n`
}
// `keys` are the log keys known. One good signature suffices, one bad one of a known key is a fault.
const NOTE = /^((.+)\n(.+)\n(.+)\n)\n((?:— [^ +\n]+ [A-Za-z0-9+/=]+\n){1,16})$/
export function readCheckpoint (note, origin, keys) {
  const [, text, name, size, root, signatures] = NOTE.exec(note) ?? fail('form')
  if (name !== origin) fail('origin')
  const known = signatures.trimEnd().split('\n').filter((line) => {
    const [, signer, base64] = line.split(' ')
    const bytes = unb64(base64)
    const key = signer === origin && keys.find((k) => noteHash(origin, k).equals(bytes.subarray(0, 4)))
    return key && (verify(key, bytes.subarray(4), Buffer.from(text)) || fail('signature'))
  })
  return known.length ? { size: natural(size), root: unb64(root, 32) } : fail('not signed')
}
const PROOF = /^c2sp\.org\/tlog-proof@v1\nindex (.+)\n((?:.+\n){0,63})\n([^]+)$/
export const writeProof = (index, path, checkpoint) =>
  ['c2sp.org/tlog-proof@v1', `index ${index}`, ...path.map((h) => h.toString('base64')), '', checkpoint].join('\n')
// Checks that the entry of receipt and r stands where the proof says; gives the place and the checkpoint.
export function checkEntry (receipt, r, proof, origin, keys) {
  const [, number, hashes, note] = PROOF.exec(proof) ?? fail('proof')
  const [index, point] = [natural(number), readCheckpoint(note, origin, keys)]
  const path = hashes.split('\n').slice(0, -1).map((hash) => unb64(hash, 32))
  const root = rootFrom(sha256(LEAF, entryOf(receipt, r)), index, point.size, path)
  return root.equals(point.root) ? { index, ...point } : fail('root')
}
