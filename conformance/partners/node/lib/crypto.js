// Keys and signatures (2.3, 2.4, 3.3), and the envelope (section 4): HPKE in base mode around a padded JWS.
import { createPrivateKey, createPublicKey, sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { ml_kem768_x25519 as xwing, ml_kem1024_p384 as mlkem1024p384 } from '@noble/post-quantum/hybrid.js'
import { AEAD_ChaCha20Poly1305, KEM_MLKEM768_X25519, KEM_MLKEM1024_P384 } from '@panva/hpke-noble'
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KDF_HKDF_SHA384 } from 'hpke'
import { b64u, fail, once, orFail, sha256, u32, unb64, unb64u } from './forms.js'

export const keyId = (label, key) => sha256(label, Buffer.of(0), key).subarray(0, 16)
export const signKid = (key) => b64u(keyId('xg1 sign', key))
const point = (bytes) => ed25519.Point.fromBytes(bytes, false) // false: the one encoding only
const orFalse = (f) => { try { return f() } catch { return false } }
const ours = once((seed) =>
  createPrivateKey({ key: Buffer.concat([unb64('MC4CAQAwBQYDK2VwBCIEIA=='), seed]), format: 'der', type: 'pkcs8' }))
export const publicOf = once((seed) => unb64u(createPublicKey(ours(seed)).export({ format: 'jwk' }).x))
export const sign = (seed, message) => signBytes(null, message, ours(seed)) // a key is kept as its seed of 32 bytes
// A key must be of the prime-order group and not its identity.
export const goodKey = once((bytes) => orFalse(() => !point(bytes).isSmallOrder() && point(bytes).isTorsionFree()))
// Node checks as [M-2.5] says, without the cofactor and comparing bytes; but it takes any key and any R.
const theirs = once((key) => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: b64u(key) }, format: 'jwk' }))
export const verify = (key, signature, message) => orFalse(() => signature.length === 64 && goodKey(key) &&
  !point(signature.subarray(0, 32)).isSmallOrder() && verifyBytes(null, message, theirs(key), signature))

// The header is compared as bytes: only the 22 characters of kid vary.
const header = (kid, typ) => b64u(`{"alg":"Ed25519","kid":"${kid}","typ":"xg1-${typ}+jws"}`)
export function signJws (seed, typ, content) {
  const input = `${header(signKid(publicOf(seed)), typ)}.${b64u(content)}`
  return `${input}.${b64u(sign(seed, Buffer.from(input)))}`
}
// The form only: nothing of it is to be believed before verifyJws.
export const readJws = (text, typ) => orFail('bad-jws', () => {
  const [head, content, signature, ...more] = text.split('.')
  const kid = unb64u(head).toString('latin1').slice(24, 46)
  unb64u(kid, 16)
  if (more.length || head !== header(kid, typ)) throw new Error('header')
  return { kid, payload: unb64u(content), signature: unb64u(signature, 64), input: Buffer.from(`${head}.${content}`) }
})
export const verifyJws = (jws, key) => verify(key, jws.signature, jws.input) || fail('bad-signature')

const suites = {
  1: { hybrid: xwing, hpke: new CipherSuite(KEM_MLKEM768_X25519, KDF_HKDF_SHA256, AEAD_ChaCha20Poly1305) },
  2: { hybrid: mlkem1024p384, hpke: new CipherSuite(KEM_MLKEM1024_P384, KDF_HKDF_SHA384, AEAD_AES_256_GCM) }
}
// A try to encapsulate checks a public key as [M-2.2] demands: lengths, the ML-KEM key, small order, the point's form.
export const sealKid = once((suite, key) =>
  suites[suite].hybrid.encapsulate(key) && b64u(keyId(`xg1 seal ${suite}`, key)))
// A sealing key is kept as its seed, which the hybrids expand as section 2.2 says.
export const sealingKey = once((suite, seed, key = suites[suite].hybrid.keygen(seed).publicKey) =>
  ({ suite, key, kid: sealKid(suite, key), secret: suites[suite].hpke.DeserializePrivateKey(seed) }))

const [MAGIC, HEAD, SIZES] = [Buffer.from('XG1\0'), 21, [8 << 10, 64 << 10, 512 << 10, 4 << 20]]
const encEnd = (suite) => HEAD + suites[suite].hpke.KEM.Nenc
const lengths = (suite) => SIZES.map((size) => encEnd(suite) + size + 16)
export const LARGEST = Math.max(...Object.keys(suites).flatMap(lengths))
export function parseEnvelope (bytes, allowed) {
  const suite = bytes.length > LARGEST ? fail('too-large') : bytes[4]
  const good = bytes.subarray(0, 4).equals(MAGIC) && suites[suite] && lengths(suite).includes(bytes.length)
  if (good && !allowed.includes(suite)) fail('unknown-key')
  return good ? { suite, kid: bytes.toString('hex', 5, HEAD), id: sha256(bytes).toString('hex') } : fail('bad-envelope')
}

export async function seal ({ suite, kid, key }, jws) {
  const { hpke } = suites[suite]
  const info = Buffer.concat([MAGIC, Buffer.of(suite), unb64u(kid)])
  const size = SIZES.find((size) => size >= 4 + jws.length) ?? fail('too-large')
  const plain = Buffer.concat([u32(jws.length), Buffer.from(jws)], size)
  const sealed = await hpke.Seal(await hpke.DeserializePublicKey(unb64u(key)), plain, { info })
  return Buffer.concat([info, sealed.encapsulatedSecret, sealed.ciphertext])
}
export async function open (bytes, { suite }, { secret }) {
  const { hpke } = suites[suite]
  const [info, enc, ct] = [[0, HEAD], [HEAD, encEnd(suite)], [encEnd(suite)]].map((cut) => bytes.subarray(...cut))
  return unpad(Buffer.from(await hpke.Open(await secret, enc, ct, { info }).catch(() => fail('cannot-open'))))
}
export function unpad (plain) {
  const end = 4 + plain.readUInt32BE()
  const fit = SIZES.includes(plain.length) && end > 4 && end <= plain.length
  return fit && plain.subarray(end).every((byte) => byte === 0) ? plain.toString('latin1', 4, end) : fail('bad-padding')
}
