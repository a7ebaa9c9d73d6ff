// node main.mjs DIR XBB 8080 8081: the gateway under test, and beside it the test back-end, which owns the clock.
import { mkdirSync, rmSync } from 'node:fs'
import http from 'node:http'
import { readJws } from './lib/crypto.js'
import { act, ask, rule, say } from './lib/desk.js'
import { readAll, seconds, unb64u } from './lib/forms.js'
import { Gateway } from './lib/gateway.js'
import { listener } from './lib/receive.js'
import { pump } from './lib/send.js'

const [state, country, port, door] = process.argv.slice(2)
process.umask(0o077) // the file holds private keys
mkdirSync(state, { recursive: true })
const [file, address, seeds] = [`${state}/gateway.db`, `http://127.0.0.1:${port}`, {}]
let g, now
const start = () => { g = new Gateway({ file, country, address, seeds, now: () => now }) }
const calls = {
  'POST /reset': ({ now: first, cards }) => {
    g?.db.close()
    for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
    now = seconds(first)
    start()
    for (const [code, list] of Object.entries(cards)) {
      // The first card names the identity key that counts as compared out of band.
      const { identity } = JSON.parse(readJws(list[0], 'card').payload)
      for (const card of list) g.takeCard(code, card, unb64u(identity))
    }
    return { country, cards: [g.card.jws], calendar: g.calendar.id, profile: 'verify',
      offers: ['restart', 'evidence', 'erase'], software: 'xg1-partner 0.2.0' }
  },
  'POST /restart': () => { g.db.close(); start() },
  'POST /clock': async ({ now: next }) => {
    now = Math.max(now, seconds(next))
    await pump(g)
    return { now: next }
  },
  'POST /cards': ({ cards }) => {
    const held = Object.keys(cards).filter((code) => g.cardOf(code))
    for (const code of held) for (const card of cards[code]) g.takeCard(code, card)
    return { held: Object.fromEntries(held.map((code) => [code, g.cardOf(code).serial])),
      hold: held.filter((code) => g.partner(code).hold) }
  },
  'POST /submit': (call) => g.transaction(() => ask(g, call)),
  'POST /say': (call) => g.transaction(() => say(g, call)),
  'POST /act': (call) => g.transaction(() => act(g, call)),
  'GET /delivered': () => ({ messages: g.all('select * from delivered') }),
  'GET /sent': () => ({ messages: g.all('select * from sent').map((row) =>
    ({ ...row, told: !!row.told, due_on: g.thread(row.partner, row.thread).due ?? null })) }),
  'GET /evidence': (_, query) => ({ entries: g.all(`select digest, receipt, r, proof from entries
    where partner = ? and thread = ?`, query.get('partner'), query.get('thread')) })
}

http.createServer(async (req, res) => {
  let [status, answer] = [200]
  try {
    const { pathname, searchParams } = new URL(req.url, 'http://back-end')
    const [text, call] = [await readAll(req, 1 << 24), calls[`${req.method} ${pathname}`]]
    rule(call, pathname, 501)
    answer = await call(text.length ? JSON.parse(text) : {}, searchParams) ?? {}
  } catch (e) {
    if (!e.status) console.error(e)
    ;[status, answer] = [e.status ?? 400, { error: e.message.split('\n')[0] }]
  }
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
}).listen(+door, '127.0.0.1')
http.createServer(listener(() => g)).listen(+port, () => console.log(`${country} listens on port ${port}`))
