// Implementation limits, each once. Where the JS API fixes a limit (its section "Implementation-defined Limits"), that number is
// taken; the sizes of memories and tables are bounded here by the core specification only, since the runtime has its own caps.

/** Bytes of a module: 1 GiB. */
export const MAX_MODULE_SIZE = 1 << 30
export const MAX_TYPES = 1_000_000
/** Supertypes above a type; a type without a supertype has depth 0. */
export const MAX_SUBTYPE_DEPTH = 63
export const MAX_STRUCT_FIELDS = 10_000
/** Parameters of a function or block. */
export const MAX_PARAMS = 1_000
/** Results of a function or block. */
export const MAX_RESULTS = 1_000
/** Functions, imported and defined; likewise for the next ones. */
export const MAX_FUNCTIONS = 1_000_000
export const MAX_GLOBALS = 1_000_000
export const MAX_TAGS = 1_000_000
export const MAX_TABLES = 100_000
export const MAX_MEMORIES = 100
export const MAX_IMPORTS = 1_000_000
export const MAX_EXPORTS = 1_000_000
export const MAX_DATA_SEGMENTS = 100_000
/** V8's number; the JS API has none for element segments. */
export const MAX_ELEM_SEGMENTS = 10_000_000
/** Entries of one element segment. */
export const MAX_SEGMENT_ENTRIES = 10_000_000
/** Bytes of a function body with its local declarations. */
export const MAX_BODY_SIZE = 7_654_321
/** Locals of a function, parameters included. */
export const MAX_LOCALS = 50_000
/** Operands of array.new_fixed. */
export const MAX_ARRAY_NEW_FIXED = 10_000
/** Labels of a br_table: V8's number (a body cannot hold more). */
export const MAX_BR_TABLE = 7_654_321
/** Nested blocks; real code is known to nest 2,568 of them. Ours: bounds the validator's memory. */
export const MAX_NESTING = 1_000_000
/** Operands on the stack at one point. Ours: a body could ask for gigabytes with calls that return 1,000 results each. */
export const MAX_OPERANDS = 1_000_000
/** Bytes of a name: V8's number. */
export const MAX_NAME_SIZE = 100_000

/** Largest 32-bit memory in bytes; its page count is this over the page size, but at most 2^32 - 1. */
export const MAX_MEMORY32_BYTES = 2 ** 32
/** Pages of a 64-bit memory with 64 KiB pages (spec: 2^48). */
export const MAX_MEMORY64_PAGES = 2 ** 48
/** Entries of a 32-bit table. */
export const MAX_TABLE32_SIZE = 2 ** 32 - 1
