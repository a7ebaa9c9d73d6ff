// Sending (5.2, 5.3, 5.6, 5.7): each thread waits for its receipt, and what is tried again are the same bytes.
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { replyDates, STARTS } from './cases.js'
import { readJws, seal, signJws, verifyJws } from './crypto.js'
import { b64u, digest, fail, instant, orFail, problems, readAll, seconds, tables, u32, unb64u } from './forms.js'
import { active, checkEntry, readAnswer, readReceipt, sealTo, SLACK, VALID, writePayload } from './signed.js'

export const [ENVELOPE, ANSWER, PROBLEM] = ['xg1-envelope', 'xg1-answer+json', 'problem+json'].map((t) => `application/${t}`)
const [HOUR, FAILURES] = [3600, 5] // after so many failures in a row a partner is left alone for a while
export const OURS = "side = 'out' and partner = ? and thread = ?"
// A message that waits. Number, times and signature are given when it is first posted: nothing of it exists before.
export function compose (g, partner, thread, type, body, { clock = null, statements = [], file, due = g.now() } = {}) {
  const draft = JSON.stringify({ clock, statements, file })
  g.put('journal', { side: 'out', partner, thread, type, body, draft, due, status: 'waiting' })
}
export const nextHour = (now) => (Math.floor(now / HOUR) + 1) * HOUR // [M-5.26]
// Does what is due now, until nothing more may be posted.
export async function pump (g) {
  for (let row; (row = g.transaction(() => next(g)));) await attempt(g, row)
}

const FIRST = 'select * from first where partner = ? and due <= ?'
function next (g) {
  const expired = "select * from journal where status = 'waiting' and jws is not null and expires + ? < ?"
  for (const row of g.all(expired, SLACK, g.now())) giveUp(g, row, 'undelivered', null) // [M-5.10]
  for (const { country, card } of g.all('select * from partners where not hold and pause <= ?', g.now())) {
    const row = JSON.parse(card).addresses.length && g.get(FIRST, country, g.now())
    if (row) return signed(g, row)
  }
}
function giveUp (g, { n, partner, thread }, status, code) {
  g.run('update journal set status = ?, code = ? where n = ?', status, code, n)
  g.find(partner, code ?? status, n)
  g.run(`update journal set status = 'dropped' where ${OURS} and status = 'waiting'`, partner, thread)
}
// Numbers and signs a message, once; always within a transaction.
function signed (g, row) {
  if (row.jws) return row
  const { partner, thread, type } = row
  const { last: prev = null, heard = null, side, place } = g.thread(partner, thread)
  const alone = type === 'withdrawal' || (side === 'asking' && place === 'withdrawn') // it names none [M-5.26]
  const [id, epoch, expires] = [b64u(randomBytes(16)), g.card.epoch, g.now() + VALID]
  const seq = thread && 1 + g.get(`select max(seq) n from journal where ${OURS} and epoch = ?`, partner, thread, epoch).n
  const payload = writePayload({ ...JSON.parse(row.draft), type, id, from: g.me, to: partner, thread, epoch, seq,
    prev: alone ? null : prev, issued_at: g.at(), expires_at: instant(expires), in_reply_to: alone ? null : heard }, row.body)
  const jws = signJws(g.seed('signing'), 'msg', payload)
  g.put('journal', Object.assign(row, { id, seq, epoch, expires, digest: digest(payload), jws }))
  return row
}
// The envelope, stored before it is posted. It is sealed once, and again only to another key [M-1.2].
async function sealed (g, { n, partner, jws, kid, envelope }) {
  const [key, usable] = [sealTo(g.cardOf(partner), g.at()), (k) => k.kid === kid && active(k, g.at())]
  if (!key || g.cardOf(partner).sealing.some(usable)) return envelope // that there is a newer one is no reason
  // Of two that seal at the same time the first one counts.
  g.run('update journal set kid = ?, envelope = ? where n = ? and kid is ?', key.kid, await seal(key, jws), n, kid)
  return g.get('select envelope from journal where n = ?', n).envelope
}
// One POST. The certificate is checked by the Web PKI, or by its key in the card before anything is sent [M-1.3].
const post = (url, spki, bytes) => new Promise((resolve, reject) => {
  const { request } = url.startsWith('https:') ? https : http
  const pinned = request === https.request && spki.length > 0
  const req = request(url, { method: 'POST', agent: false, timeout: 2000, rejectUnauthorized: !pinned,
    minVersion: 'TLSv1.3', headers: { 'content-type': ENVELOPE, 'content-length': bytes.length } })
  req.on('timeout', () => req.destroy(new Error('no answer'))).on('error', reject)
  req.on('response', (res) => readAll(res, 1 << 16).then((body) => resolve({ status: res.statusCode, body,
    type: res.headers['content-type'], retry: res.headers['retry-after'] }), reject))
  if (!pinned) return req.end(bytes)
  req.on('socket', (socket) => socket.on('secureConnect', () => {
    const key = socket.getPeerX509Certificate().publicKey.export({ type: 'spki', format: 'der' })
    spki.includes(digest(key)) ? req.end(bytes) : req.destroy(new Error('another key'))
  }))
})
async function attempt (g, row) {
  const envelope = await sealed(g, row)
  let res = {}
  const { addresses, spki } = g.cardOf(row.partner)
  for (const address of envelope ? addresses : []) {
    res = await post(address.replace(/\/$/, '') + '/xg/1/messages', spki, envelope).catch(() => ({}))
    if ([200, 204].includes(res.status) || res.type === PROBLEM) break // it was reached
  }
  try {
    if (res.status === 200 && res.type === ANSWER) return g.transaction(() => takeAnswer(g, res.body, row))
  } catch (e) { g.find(row.partner, 'answer does not check: ' + e.message, row.n) }
  const code = res.type === PROBLEM && /"type": *"urn:xg1:([a-z-]+)"/.exec(res.body)?.[1]
  g.transaction(() => failed(g, row, code && problems[code] === res.status ? code : null, res.retry))
}
const wait = (times) => Math.ceil(Math.min(HOUR, 4 * 2 ** times) * (0.5 + Math.random() / 2)) // longer each time
function failed (g, { n, partner, thread, tries, status }, problem, retry) {
  if (tables.finals[problem] && status === 'waiting') giveUp(g, { n, partner, thread }, 'ended', problem)
  const after = /^[0-9]{1,9}$/.test(retry) ? Math.min(HOUR, +retry) : 0
  const [due, again] = [g.now() + Math.max(after, wait(tries)), tables.finals[problem] ? 0 : 1]
  g.run('update journal set tries = tries + 1, due = ?, again = min(again, ?) where n = ?', due, again, n)
  // Which State does not answer is left alone for a while; every other problem concerns one message.
  const fails = [null, 'later', 'rate'].includes(problem) ? g.partner(partner).fails + 1 : 0
  const pause = fails < FAILURES ? 0 : g.now() + wait(fails - FAILURES)
  g.run('update partners set fails = ?, pause = ? where country = ?', fails, pause, partner)
}
// What waits for a State that collects [M-5.19]: one of each thread, oldest first. It waits on until its answer comes.
export async function waiting (g, partner, max) {
  const rows = g.transaction(() => g.all(FIRST, partner, g.now()).slice(0, max).map((row) => signed(g, row)))
  const envelopes = (await Promise.all(rows.map((row) => sealed(g, row)))).filter(Boolean)
  for (const { n } of rows) g.run('update journal set again = 2 where n = ? and again', n) // [M-5.28]
  return Buffer.concat(envelopes.flatMap((e) => [u32(e.length), e])) // ours are small: 64 are far from 8 MiB
}
// Checks an answer and settles its message [M-5.17] [M-5.21], within a transaction. `expected` is what was just posted.
export function takeAnswer (g, bytes, expected) {
  const { receipt: text, r, proof } = readAnswer(bytes)
  const jws = readJws(text, 'receipt')
  const receipt = readReceipt(jws.payload)
  const row = g.get("select * from journal where side = 'out' and digest = ?", receipt.payload)
  if (!row || receipt.from !== row.partner || receipt.to !== g.me || row.n !== (expected ?? row).n) fail('not-for-me')
  const { card, hold } = g.partner(row.partner)
  if (hold) fail('hold')
  const key = card.signing.find((k) => k.kid === jws.kid && active(k, receipt.received_at) && !(k.revoked_at <= g.at()))
  verifyJws(jws, unb64u((key ?? fail('unknown-signer')).key))
  const point = orFail('bad-signature', () => checkPoint(g, card, text, r, proof))
  g.run('update journal set again = 0 where n = ? and again > ?', row.n, expected ? 0 : 1)
  if (row.answer === text) return
  g.put('checkpoints', point)
  g.enter(row.partner, row.thread, row.digest, text, r)
  if (row.answer) return g.find(row.partner, 'another receipt', row.n) // the first answer that verifies stands
  // The day of the reply by our own copy of the rule [M-5.14].
  const { status, code, due_on: day } = receipt
  const [said, made] = [seconds(receipt.received_at), row.expires - VALID] // who is asked sets no time by its clock
  const at = said > g.now() + SLACK ? g.now() : said < made - SLACK ? made : said
  const { due_on: due } = replyDates(!code && STARTS.test(row.type) && row.partner, at)
  if (due && due !== day) g.find(row.partner, 'the rule gives another day', row.n)
  g.run('update journal set status = ?, code = ?, answer = ?, due_on = ? where n = ?', status, code, text, due, row.n)
  g.run('update partners set fails = 0 where country = ?', row.partner)
  if (!['withdrawal', 'resync'].includes(row.type) || !['stale', 'expired'].includes(code)) return
  g.find(row.partner, 'a wrong clock, here or there', row.n) // so it is said again [M-5.27] [M-5.28]
  if (row.type === 'resync') remind(g, row.partner, 900)
  else compose(g, row.partner, row.thread, row.type, row.body, { due: nextHour(g.now()) })
}
// The log is the keeper's about us, of its epoch or an earlier one; two roots of one size are evidence [M-7.5].
function checkPoint (g, card, text, r, proof) {
  const [, origin, name, epoch] = /\n\n((.*)\/([1-9][0-9]*))\n/.exec(proof)
  if (name !== `${card.country}/${g.me}` || +epoch > card.epoch) throw new Error('another log')
  const { size, root } = checkEntry(text, r, proof, origin, card.log.map((k) => unb64u(k.key)))
  const point = { origin, size, root: root.toString('hex') }
  const known = g.get('select root from checkpoints where origin = ? and size = ?', origin, size) ?? point
  return known.root === point.root ? point : fail('another root')
}
// A partner was restored [M-5.28]: what we posted in 30 days goes again, and where threads stand (that alone: `later`).
export function remind (g, partner, later = 0) {
  if (!later) g.run(`update journal set again = 1, due = ? where side = 'out' and partner = ? and answer is not null
    and envelope is not null and due is not null and expires > ?`, g.now(), partner, g.now())
  const threads = g.all('select thread, epoch, seq, payload from stands where partner = ?', partner)
  for (let i = 0; i === 0 || i < threads.length; i += 32) {
    const [rows, more] = [threads.slice(i, i + 32), i + 32 < threads.length]
    compose(g, partner, null, 'resync', JSON.stringify({ threads: rows, more }), { due: g.now() + later })
  }
}
