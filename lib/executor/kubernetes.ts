/** Kubernetes: the manifest of an indexed Job, whose indexes are the runs. */
import { join, relative } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { writeWhole } from '../base/files.js'
import type { Handover } from './executor.js'

const saving = 120 // seconds that a pod has to save its run when it is evicted

/** @throws GogepoError ERR_EXECUTOR when the study's folder is not on the volume */
export async function kubernetes(handover: Handover): Promise<string> {
  const { folder, cwd } = handover
  if (relative(cwd, folder).startsWith('..'))
    throw new GogepoError(
      'ERR_EXECUTOR',
      `The pods have the current folder as their volume, expected the study in it, got ${folder}. Change --out.`,
    )
  const file = join(folder, 'kubernetes.json')
  writeWhole(file, [Buffer.from(`${JSON.stringify(manifestOf(handover), null, 2)}\n`)])
  return `Set image and claimName in ${file}, then: kubectl apply -f ${file}`
}

/**
 * Every run has its index, also those that have finished: they end at once. Evictions count as no failure; a run that
 * fails is not tried again, and does not stop the others.
 */
const manifestOf = ({ name, cwd, count, jobs, arguments: words }: Handover): object => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: labelOf(name) },
  spec: {
    completionMode: 'Indexed',
    completions: count,
    parallelism: jobs ?? count,
    backoffLimitPerIndex: 3,
    podFailurePolicy: {
      rules: [
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        { action: 'FailIndex', onExitCodes: { operator: 'In', values: [1, 2] } },
      ],
    },
    template: {
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: saving,
        containers: [
          {
            name: 'gogepo',
            image: 'gogepo',
            workingDir: cwd,
            command: ['gogepo', ...words, '$(JOB_COMPLETION_INDEX)'],
            resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1' } },
            volumeMounts: [{ name: 'studies', mountPath: cwd }],
          },
        ],
        volumes: [{ name: 'studies', persistentVolumeClaim: { claimName: 'studies' } }],
      },
    },
  },
})

/** A name as Kubernetes has them: at most 63 small letters, digits and hyphens. */
const labelOf = (name: string): string =>
  `gogepo-${name.toLowerCase().replaceAll(/[^a-z\d]+/g, '-')}`.slice(0, 63).replace(/-+$/, '')
