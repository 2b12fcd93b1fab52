import type { Worker } from '#processors/ports/roster.ts'
import type { Contract } from './contract.ts'
import { finding, quoted } from './finding.ts'
import { isSameText } from './same-text.ts'
import type { Finding } from './validator.ts'

/**
 * What the roster's row of a named worker says against the contract.
 *
 * Promise: what the contract demands and the roster doesn't say is a mismatch, not a pass.
 */
export function contractFindings(worker: Worker, contract: Contract, at: readonly (string | number)[]): Finding[] {
  const found = (['city', 'state', 'role'] as const).flatMap((name) => {
    const wanted = contract[name]
    if (wanted === undefined || isSameText(worker[name], wanted)) return []
    const message = `${name} ${quoted(worker[name])} doesn't match contract ${name} ${quoted(wanted)}`
    return [finding('Consistency', `${name}-mismatch`, message, at)]
  })
  if (worker.status !== '' && !working.some((status) => isSameText(worker.status, status))) {
    const message = `worker ${quoted(worker.id)} has the status ${quoted(worker.status)}, and is not to be sent`
    found.push(finding('Consistency', 'status-mismatch', message, at))
  }
  const { clientId } = contract
  if (clientId !== undefined && worker.blockedClients.some((client) => isSameText(client, clientId))) {
    const message = `worker ${quoted(worker.id)} is not to be sent to client ${quoted(clientId)}`
    found.push(finding('Policy', 'client-blocked', message, at))
  }
  return found
}

/** A roster without a status column has nobody who isn't. */
const working = ['active', 'available', 'ready', 'open']
