import { resolve } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import { answer } from './command.ts'
import type { CliAction, CliContext } from './command.ts'
import { counted } from './counted.ts'

/**
 * `lattice export | import | backup | restore`: moving a log between backends, and copies of `LATTICE_DATA`.
 *
 * Promise: what is there already is never overwritten; what is cut off half-way is refused by name later.
 */
export const exportCommand: CliAction = (context) =>
  withProgress(context, async (report) => {
    const { exportLog } = await import('#processors/transfer/export-log.command.ts')
    const opened = await context.open({
      role: 'export',
      stores: [],
      existing: true,
      models: false,
      quiet: true,
      report,
    })
    try {
      const { given, codec } = opened.lattice
      const exported = await exportLog({ ...given, codec }, { file: argument(context), signal: context.signal })
      const missing = exported.missingObjects.length
      answer(
        context,
        exported,
        `${counted(exported.records, 'record')} and ${counted(exported.objects, 'object')} in ${exported.file} (${exported.sizeBytes} bytes)`,
      )
      if (missing > 0) context.print.note(`objects the log refers to that are not there: ${missing}`)
      return 0
    } finally {
      await opened.close()
    }
  })

export const importCommand: CliAction = (context) =>
  withProgress(context, async (report) => {
    const { importLog } = await import('#processors/transfer/import-log.command.ts')
    const { checkExport } = await import('#processors/transfer/check-export.query.ts')
    const file = resolve(argument(context))
    const { signal } = context
    // Before there is a log: a file that is no export leaves nothing behind.
    const checked = await checkExport({ file, signal })
    const opened = await context.open({ role: 'import', stores: [], models: false, quiet: true, report })
    try {
      const { given, codec } = opened.lattice
      const { data } = context.loaded.config
      const imported = await importLog({ ...given, codec }, { file, signal, checked, data })
      const { source } = imported
      answer(
        context,
        imported,
        `${counted(imported.records, 'record')} and ${counted(imported.objects, 'object')} from ${source.backend} ${source.logId} into ${given.log.backend} ${given.log.id}`,
      )
      context.print.note('the stores are built from the log at the next start of: lattice serve')
      return 0
    } finally {
      await opened.close()
    }
  })

export const backupCommand: CliAction = (context) =>
  withProgress(context, async (report) => {
    const { backUp } = await import('#processors/transfer/backup.command.ts')
    const opened = await context.open({
      role: 'backup',
      stores: [],
      existing: true,
      models: false,
      quiet: true,
      report,
    })
    try {
      const { clock, copyLog } = opened.lattice.given
      const backedUp = await backUp(
        { clock, report },
        {
          data: context.loaded.config.data,
          to: argument(context),
          signal: context.signal,
          ...(copyLog === undefined ? {} : { copyLog }),
        },
      )
      answer(context, backedUp, `${counted(backedUp.files, 'file')}, ${backedUp.sizeBytes} bytes in ${backedUp.folder}`)
      if (!backedUp.hasLog)
        context.print.note('the log is not in it: it is not embedded; use lattice export, or back its server up')
      return 0
    } finally {
      await opened.close()
    }
  })

export const restoreCommand: CliAction = (context) =>
  withProgress(context, async (report) => {
    const { restore } = await import('#processors/transfer/restore.command.ts')
    const restored = await restore(
      { report },
      { from: argument(context), data: context.loaded.config.data, signal: context.signal },
    )
    answer(context, restored, `${counted(restored.files, 'file')} of ${restored.createdAt} in ${restored.folder}`)
    context.print.note('the stores are built from the log at the next start')
    return 0
  })

function argument({ arguments: [first] }: CliContext): string {
  if (first === undefined || first === '') throw new Failure('request.invalid', 'say where: a path is missing')
  return first
}

async function withProgress(
  context: CliContext,
  work: (report: Report) => ReturnType<CliAction>,
): ReturnType<CliAction> {
  const progress = context.print.progress()
  try {
    return await work((signal) => {
      if (signal.signal === 'progress') progress.show(signal.of, signal.done, signal.total)
    })
  } finally {
    progress.stop()
  }
}
