// What a shell is offered after TAB: bash itself is asked, with a `gogepo` on its path.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { completions } from '../../lib/cli/completion.js'
import { makeProgram } from '../../lib/cli/program.js'
import { tableOf } from '../../lib/algorithms/algorithm.js'
import { ars } from '../../lib/algorithms/ars.js'
import { gogepo } from '../../lib/algorithms/gogepo.js'
import { algorithms } from '../../lib/algorithms/registry.js'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** A bash that has the script, in a folder with two runs and a study; `offered` is what it puts into COMPREPLY for a line that ends at the cursor. */
function bash(t: Test): (line: string) => string[] {
  const dir = t.testdir({
    runs: { a: { 'config.json': '{}' }, 'b-2': { 'config.json': '{}' }, many: { 'study.json': '{}' }, other: {} },
    bin: {},
    'small.json': '{}',
  })
  mkdirSync(join(dir, 'bin'), { recursive: true })
  writeFileSync(join(dir, 'bin', 'gogepo'), `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`)
  chmodSync(join(dir, 'bin', 'gogepo'), 0o755)
  return (line) => {
    // bash breaks words at blanks and at =, and takes each = for a word.
    const words = line.split(/ +|(=)/).filter((word) => word !== undefined && word !== '')
    if (/[ =]$/.test(line)) words.push('')
    if (line.endsWith('=')) words.pop()
    const script = `eval "$(gogepo completion bash)"; compopt() { :; }; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _gogepo; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', script], {
      cwd: dir,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${join(dir, 'bin')}:${process.env['PATH']}` },
    })
    t.equal(stderr, '', line)
    return stdout.split('\n').filter(Boolean)
  }
}

test('bash is offered what fits', async (t) => {
  const offered = bash(t)
  t.strictSame(offered('gogepo e'), ['evaluate', 'envs'])
  t.strictSame(offered('gogepo train Swimmer-v5 --set backend='), ['fast', 'reference'])
  t.strictSame(offered('gogepo train Swimmer-v5 --set backend=r'), ['reference'])
  t.strictSame(offered('gogepo sweep runs/b'), ['runs/b-2'])
  t.strictSame(offered('gogepo sweep runs/a '), [], 'there is one run')
  t.strictSame(offered('gogepo study '), ['resume', 'status', 'bin/', 'runs/', 'small.json'])
  t.strictSame(offered('gogepo study re'), ['resume'])
  t.strictSame(offered('gogepo study status '), ['runs/many'])
  t.strictSame(offered('gogepo study resume runs/many --ex'), ['--executor'])
  t.strictSame(offered('gogepo study resume runs/many --executor s'), ['slurm'])
  t.strictSame(offered('gogepo compare runs/a runs/m'), ['runs/many'], 'as many as one likes')
})

test('what fits', async (t) => {
  const program = makeProgram()
  const offered = (line: string): string[] => completions(program, line.split(' '))
  t.strictSame(offered('s'), ['sweep', 'study', 'setup'])
  t.notOk(offered('').includes('complete'), 'the verb that answers is not offered')
  t.strictSame(offered('train Swim'), ['Swimmer-v5', 'Swimmer-v4'])
  t.strictSame(offered('train --seed 1 Swim'), ['Swimmer-v5', 'Swimmer-v4'], 'the value of an option is no task')
  t.strictSame(offered('train Swimmer-v5 --s'), ['--strategy', '--set', '--seed', '--seeds', '--steps', '--stop-at'])
  t.strictSame(
    offered('train Swimmer-v5 --set '),
    Object.keys(tableOf(gogepo)).map((name) => `${name}=`),
  )
  t.strictSame(
    offered('train Swimmer-v5 --algorithm ars --set '),
    Object.keys(tableOf(ars)).map((name) => `${name}=`),
  )
  t.strictSame(
    offered('train Swimmer-v5 --algorithm '),
    algorithms.map(({ name }) => name),
  )
  t.strictSame(offered('train --algorithm ars --preset v'), ['v2', 'v2-t', 'v1', 'v1-t'])
  t.strictSame(offered('train Swimmer-v5 --preset p'), ['paper'])
  t.strictSame(offered('train Swimmer-v5 --set generatorH'), ['generatorHidden='])
  t.strictSame(offered('train Swimmer-v5 --set normalizeObservations=t'), ['normalizeObservations=true'])
  t.strictSame(offered('train CartPole-v1 --env '), ['sutton_barto_reward='])
  t.strictSame(offered('sweep x --checkpoint b'), ['best'])
  t.strictSame(offered('train x --quiet --device c'), ['cpu', 'cuda'])
  t.strictSame(offered('completion '), ['bash', 'zsh', 'fish'])
  t.strictSame(offered('trian '), [])
})

test('the scripts are what their shells can read', async (t) => {
  const dir = t.testdir({})
  for (const [shell, check] of [
    ['bash', '-n'],
    ['zsh', '-n'],
    ['fish', '--no-execute'],
  ] as const) {
    const script = join(dir, shell)
    writeFileSync(script, spawnSync(process.execPath, [cli, 'completion', shell], { encoding: 'utf8' }).stdout)
    const { error, status, stderr } = spawnSync(shell, [check, script], { encoding: 'utf8' })
    if (error) t.comment(`${shell} is not installed, so its script was not read`)
    else t.strictSame({ status, stderr }, { status: 0, stderr: '' }, shell)
  }
})
