// The three paths of section 1, and receiving (5.1): the checks in their order, and the verdict in one transaction.
import { checkStep, extended, mayRemark, replyDates, STARTS, supports } from './cases.js'
import { LARGEST, open, parseEnvelope, readJws, signJws, verifyJws } from './crypto.js'
import { fail, fits, minimal, problems, readAll, seconds, tables, unb64u } from './forms.js'
import { ANSWER, ENVELOPE, OURS, PROBLEM, takeAnswer, waiting } from './send.js'
import * as signed from './signed.js'

const PATHS = { '/xg/1/messages': ENVELOPE, '/xg/1/collect': ENVELOPE, '/xg/1/answers': ANSWER }
// Gives status, media type and bytes of what is answered. `current` gives the gateway: a test may put another there.
const problem = (status, title, type = 'about:blank') => [status, PROBLEM, JSON.stringify({ type, title, status })]
async function serve (current, req) {
  const [path] = req.url.split('?')
  if (!PATHS[path]) return problem(404, 'Not found')
  if (req.method !== 'POST') return problem(405, 'Method not allowed')
  const bytes = await readAll(req, PATHS[path] === ANSWER ? 1 << 16 : LARGEST)
  const { 'content-type': type, 'content-encoding': encoding } = req.headers
  if (type !== PATHS[path] || encoding !== undefined || req.url !== path) fail('bad-envelope')
  const g = current()
  if (path !== '/xg/1/answers') return receive(g, path, bytes)
  g.transaction(() => takeAnswer(g, bytes))
  return [204]
}
export const listener = (current) => async (req, res) => {
  const [status, type, bytes = ''] = await serve(current, req).catch((e) => {
    // What is no verdict is our own trouble: the sender tries again.
    const code = problems[e.code] ? e.code : console.error(e) ?? 'later'
    return problem(problems[code], code, 'urn:xg1:' + code)
  })
  res.writeHead(status, type && { 'content-type': type, 'content-length': Buffer.byteLength(bytes) }).end(bytes)
}
// Gives an answer, or the envelopes for a `collect`; everything else is a fault.
async function receive (g, path, bytes) {
  const envelope = parseEnvelope(bytes, g.suites)
  const kept = g.get('select answer from journal where envelope_id = ? and answer is not null and expires >= ?',
    envelope.id, g.now() - signed.SLACK)
  if (kept) return [200, ANSWER, kept.answer]
  // A sealing key counts within its window only [M-4.4].
  const key = g.card.sealing.find((k) => unb64u(k.kid).toString('hex') === envelope.kid && signed.active(k, g.at()))
  if (key?.suite !== envelope.suite) fail('unknown-key')
  const jws = readJws(await open(bytes, envelope, g.sealing.find(({ kid }) => kid === key.kid)), 'msg')
  const p = { ...signed.readPayload(jws.payload), size: jws.input.length + 87, envelope_id: envelope.id, path }
  if (p.to !== g.me) fail('not-for-me')
  const partner = (p.from !== g.me && g.partner(p.from)) || fail('unknown-signer')
  if (partner.hold) fail('hold')
  verifyJws(jws, signed.keyIn(partner.card.signing, jws.kid, g.at()) ?? fail('unknown-signer'))
  const answer = g.transaction(() => decide(g, p, partner.card))
  return answer ? [200, ANSWER, answer] : [200, 'application/xg1-envelopes', await waiting(g, p.from, p.body.max)]
}
const THEIRS = "from journal where side = 'in' and partner = ?"
// Steps 13 to 21. An accepted `collect` has no answer.
function decide (g, p, card) {
  const thread = g.thread(p.from, p.thread)
  const { last } = g.get(`select max(seq) last ${THEIRS} and thread = ? and epoch = ?`, p.from, p.thread, p.epoch)
  const known = g.get(`select * ${THEIRS} and digest = ? order by n desc`, p.from, p.digest)
  let code = null
  try {
    const order = orderFault(g, p, card, last, thread)
    signed.checkTimes(p, g.now())
    if (known && p.type !== 'collect') return known.answer
    if (g.get(`select 1 ${THEIRS} and id = ?`, p.from, p.id)) fail('id-reuse')
    if (order) fail(order)
    checkContent(g, p, card, thread)
  } catch (e) {
    if (!tables.refusals.includes(e.code)) throw e
    code = e.code
    if (known?.code === code) return known.answer // said before
  }
  const verdict = { code, status: code ? 'refused' : 'accepted', ...replyDates(!code && STARTS.test(p.type) && g.me, g.now()) }
  const receipt = signed.writeReceipt({ from: g.me, to: p.from, payload: p.digest, received_at: g.at(), ...verdict })
  const answer = p.type === 'collect' && !code ? null
    : signed.writeAnswer(g.enter(p.from, p.thread, p.digest, signJws(g.seed('signing'), 'receipt', receipt)))
  // A refused message uses up its number only if it is the next one [M-5.9].
  const uses = p.epoch === card.epoch && (!code || p.seq === last + 1)
  // Only ids stay of what is refused, withdraws what never came, or comes too late [M-5.4] [M-5.24] [M-5.30].
  const bare = code || thread.over || (p.type === 'withdrawal' && thread.place === 'none')
  const same = signed.pick(p, ['thread', 'type', 'epoch', 'id', 'digest', 'envelope_id'])
  g.put('journal', { side: 'in', partner: p.from, ...same, seq: uses ? p.seq : null, expires: seconds(p.expires_at),
    ...verdict, answer, body: bare ? null : p.text })
  // What was never posted does not leave once it is withdrawn; what was is posted until it is answered [M-5.23].
  const unposted = `update journal set status = 'dropped' where ${OURS} and jws is null`
  if (p.type === 'withdrawal' && !code) g.run(unposted, p.from, p.thread)
  return answer
}
// Gives the fault of step 15, fails with that of 13 [M-5.9]; what can never be taken is refused before a gap is seen.
function orderFault (g, { from, type, epoch, seq, thread: id }, card, last, { side, place }) {
  if (epoch > card.epoch) fail('later') // its card is on its way
  const never = type === 'withdrawal' ? side === 'asking' : supports(type) && !tables.undoing.includes(type)
  const over = side === 'asked' && place === 'withdrawn' // the end comes before the number [M-5.7]
  if (epoch < card.epoch || (seq <= last ? over : never && (over || type === 'withdrawal'))) return 'illegal-step'
  if (seq === null || seq === last + 1 || (seq > last && type === 'withdrawal')) return
  const used = g.get(`select 1 ${THEIRS} and thread = ? and epoch = ? and seq = ?`, from, id, epoch, seq)
  return seq > last ? fail('out-of-order') : used ? 'id-reuse' : 'illegal-step' // unused: closed by a withdrawal
}
// Steps 16 to 20.
function checkContent (g, { type, body, from, thread: id, path, statements, body_digest, size, issued_at }, card, thread) {
  if (!supports(type) || (type === 'collect') !== (path === '/xg/1/collect')) fail('unsupported-type')
  if (!fits(type, body) || (size > 65532 && !(body.elements?.photo ?? body.elements?.document_image))) fail('bad-schema')
  // Elements are measured by the last question; without a request there is nothing to measure by.
  const asked = { 'verification.request': null, 'verification.elements': thread.handling && (thread.asked ?? []) }[type]
  if (!minimal(body.handling?.purpose, Object.keys(body.elements ?? {}), asked)) fail('not-minimised')
  if (!mayRemark(from, g.me, type, body.remark)) fail('not-minimised')
  const due = signed.dueStatements(type, body)
  if (due.length !== statements.length) fail('bad-statement')
  due.forEach(([statement, role], i) => {
    const keyOf = (kid) => signed.keyIn(card.roles.filter((row) => row.role === role), kid, g.at())
    signed.checkStatement(statements[i], { thread: id, statement, role, digest: body_digest }, g.now(), keyOf)
  })
  if (!id) return
  const longer = extended(from, thread.due, seconds(issued_at)) // when it was said, not when it came [M-5.14]
  checkStep(thread, type, body, g.at().slice(0, 10), longer, card)
  // What the other side reckons should be what we reckon [M-5.14].
  const ours = type === 'verification.acknowledgement' ? thread.due : body.extension && longer
  if (ours && ours !== body.due_on) g.find(from, 'the rule gives another day')
  if (tables.undoing.includes(type)) g.find(from, type) // people carry it out
}
