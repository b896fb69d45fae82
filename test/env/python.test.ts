import { join } from 'node:path'
import { test } from 'tap'
import { findPython } from '../../lib/env/python.js'

test('the interpreter named, GOGEPO_PYTHON, the active environment, python3', async (t) => {
  const dir = t.testdir({ venv: { bin: { python: '' } }, conda: { bin: { python: '' } } })
  const venv = join(dir, 'venv')
  const conda = join(dir, 'conda')
  t.equal(findPython(undefined, {}), 'python3')
  t.equal(findPython(undefined, { CONDA_PREFIX: conda }), join(conda, 'bin', 'python'))
  t.equal(findPython(undefined, { CONDA_PREFIX: conda, VIRTUAL_ENV: venv }), join(venv, 'bin', 'python'))
  t.equal(findPython(undefined, { CONDA_PREFIX: conda, VIRTUAL_ENV: join(dir, 'gone') }), join(conda, 'bin', 'python'))
  t.equal(findPython(undefined, { GOGEPO_PYTHON: 'python3.12', VIRTUAL_ENV: venv }), 'python3.12')
  t.equal(findPython('python3.13', { GOGEPO_PYTHON: 'python3.12' }), 'python3.13')
  t.equal(findPython(join(venv, 'bin', 'python'), {}), join(venv, 'bin', 'python'))
  t.throws(() => findPython('./gone/python', {}), {
    code: 'ERR_PYTHON',
    message: /--python is \.\/gone\/python/,
  })
  t.throws(() => findPython(undefined, { GOGEPO_PYTHON: './gone/python' }), {
    code: 'ERR_PYTHON',
    message: /GOGEPO_PYTHON is \.\/gone\/python/,
  })
})
