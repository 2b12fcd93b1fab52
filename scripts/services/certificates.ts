/**
 * A certificate authority of its own for one server on loopback, and the server's certificate, made by openssl.
 *
 * Promise: made anew each time and good for a week, so that nothing secret is ever part of the project. The certificate
 * names 127.0.0.1 and localhost, and no other host.
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificates {
  /** What clients are to trust, as `NODE_EXTRA_CA_CERTS` takes it. */
  readonly authority: string
  readonly key: string
  readonly certificate: string
  /** Key and certificate in one file, as Kafka takes them. */
  readonly both: string
}

const run = promisify(execFile)
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']

/** Paths of PEM files below `folder`. Needs openssl 3. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = (name: string): string => join(folder, name)
  const [authority, authorityKey, key, certificate, both] = [
    file('authority.pem'),
    file('authority.key'),
    file('server.key'),
    file('server.pem'),
    file('server-both.pem'),
  ]
  const made = ['req', '-x509', ...curve, '-days', '7']
  await run('openssl', [...made, '-subj', '/CN=Lattice test authority', '-keyout', authorityKey, '-out', authority])
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE']
  const signed = ['-CA', authority, '-CAkey', authorityKey]
  await run('openssl', [...made, ...names, ...leaf, ...signed, '-keyout', key, '-out', certificate])
  await writeFile(both, (await readFile(key, 'utf8')) + (await readFile(certificate, 'utf8')), { mode: 0o600 })
  return { authority, key, certificate, both }
}
