// The table of offsets: nothing overlaps, everything is aligned for what lies there.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CodeSpace,
  Context,
  FunctionRecord,
  GLOBAL_BYTES,
  ImportCell,
  Instance,
  instanceLayout,
  Mapping,
  ProcessBlock,
  SavedFrame,
  StackRegion,
} from '../../src/native/layout.ts'

/** Fields as pairs offset, bytes: in order, aligned, apart. */
function disjoint(end: number, ...fields: [offset: number, bytes: number][]): void {
  let free = 0
  for (const [offset, bytes] of fields) {
    assert.ok(offset >= free, `field at ${offset} overlaps the one before`)
    assert.equal(offset % Math.min(bytes, 8) || 0, 0, `field at ${offset} is aligned`)
    free = offset + bytes
  }
  assert.ok(free <= end)
}

test('structures have room for their fields', () => {
  disjoint(
    StackRegion.ContextBytes,
    [Context.NodeKey, 8],
    [Context.NodeLeft, 8],
    [Context.NodeRight, 8],
    [Context.NodeHeight, 4],
    [Context.HostSp, 8],
    [Context.GuestSp, 8],
    [Context.ExitCode, 4],
    [Context.TrapSignal, 4],
    [Context.TrapPc, 8],
    [Context.TrapAddress, 8],
    [Context.TrapSp, 8],
    [Context.TrapCode, 4],
    [Context.LazyIndex, 4],
    [Context.LazyTarget, 8],
    [Context.InstanceId, 4],
    [Context.Fuel, 4],
    [Context.FuelNeeded, 4],
    [Context.Ints, 64],
    [Context.Floats, 128],
    [Context.Overflow, 8 * Context.OverflowWords],
  )
  disjoint(
    Instance.HeaderBytes,
    [Instance.Memory0Base, 8],
    [Instance.StackLimit, 8],
    [Instance.Memories, 8],
    [Instance.Tables, 8],
    [Instance.Context, 8],
    [Instance.FunctionRecords, 8],
    [Instance.OwnRecords, 8],
    [Instance.OwnRefs, 4],
    [Instance.Id, 4],
  )
  disjoint(FunctionRecord.Bytes, [FunctionRecord.Code, 8], [FunctionRecord.Instance, 8], [FunctionRecord.TypeId, 4])
  // The record of a reference is where its bits, scaled, say: id << 3 | 2.
  for (const id of [0, 1, 77])
    assert.equal(
      (((id << 3) | 2) << FunctionRecord.ReferenceScaleLog2) + FunctionRecord.ReferenceBias,
      id * FunctionRecord.Bytes,
    )
  disjoint(ImportCell.Bytes, [ImportCell.Record, 8], [ImportCell.Reference, 4])
  disjoint(
    ProcessBlock.Bytes,
    [ProcessBlock.CodeStart, 8],
    [ProcessBlock.CodeEnd, 8],
    [ProcessBlock.WriteDelta, 8],
    [ProcessBlock.Enter, 8],
    [ProcessBlock.Exit, 8],
    [ProcessBlock.Done, 8],
    [ProcessBlock.TrapExit, 8],
    [ProcessBlock.Chain, 16 * 32],
    [ProcessBlock.Spans, 4 * CodeSpace.Spans],
    [ProcessBlock.Mappings, Mapping.RowBytes * Mapping.Rows],
  )
  assert.equal(SavedFrame.Bytes, SavedFrame.Pc + 8)
})

test('a stack region is a power of two that masks can find, and its context a whole page at the end', () => {
  assert.equal(StackRegion.Bytes & (StackRegion.Bytes - 1), 0)
  assert.equal(StackRegion.Context + StackRegion.ContextBytes, StackRegion.Bytes)
  assert.ok(StackRegion.GuardBytes % 4096 === 0 && CodeSpace.SpanBytes % 4096 === 0)
})

test('the parts of an instance follow each other for every module', () => {
  for (const [importedFunctions, globals, importedGlobals] of [
    [0, 0, 0],
    [1, 4, 3],
    [1000, 7, 1],
  ]) {
    const layout = instanceLayout({ importedFunctions, globals, importedGlobals })
    disjoint(
      layout.bytes,
      [0, Instance.HeaderBytes],
      [layout.imports, importedFunctions * ImportCell.Bytes],
      [layout.globals, globals * GLOBAL_BYTES],
      [layout.globalRefs, importedGlobals * 8],
    )
    // A v128 in a global may be loaded by an instruction that needs its alignment.
    assert.equal(layout.globals % 16, 0)
  }
})
