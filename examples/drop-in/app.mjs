// A program that knows nothing about zwasm, nor does the package it uses. Under zwasm/register both run on zwasm, within its limits:
//
//   node examples/drop-in/app.mjs
//   ZWASM_OPTIONS='{"limits":{"memory":1048576}}' node --import zwasm/register examples/drop-in/app.mjs
import { reserve, reverse } from './package.mjs'

console.log(reverse('desserts'))
console.log(`64 pages more: ${reserve(64) ? 'granted' : 'refused'}`)
