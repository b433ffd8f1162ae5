import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ALL_FEATURES,
  DEFAULT_FEATURES,
  Feature,
  featureBit,
  featureByName,
  FEATURES,
  featuresOf,
  withFeatures,
} from '../../src/wasm/features.ts'
import { OPCODES } from '../../src/wasm/opcodes.ts'

test('one bit per feature, one feature per name', () => {
  assert.equal(new Set(FEATURES.map((f) => f.name)).size, FEATURES.length)
  for (const f of FEATURES) {
    assert.equal(f.bit & (f.bit - 1), 0)
    assert.equal(featureByName(f.name), f)
  }
  assert.equal(
    FEATURES.reduce((sum, f) => sum + f.bit, 0),
    ALL_FEATURES,
  )
  assert.equal(featureByName('nonsense'), undefined)
})

test('every instruction belongs to a known feature', () => {
  for (const [, name, , , feature] of OPCODES)
    assert(feature === 'mvp' ? featureBit(feature) === 0 : featureBit(feature) !== 0, name)
})

test('sets', () => {
  assert.equal(featuresOf('1.0'), 0)
  assert.equal(featuresOf('2.0') & featuresOf('3.0'), featuresOf('2.0'))
  assert.equal(featuresOf('3.0') & Feature.Threads, 0)
  assert.equal(DEFAULT_FEATURES & Feature.Threads, Feature.Threads)
  const set = withFeatures(0, { gc: true, simd: true })
  assert.equal(set, Feature.Gc | Feature.Simd)
  assert.equal(withFeatures(set, { gc: false }), Feature.Simd)
})
