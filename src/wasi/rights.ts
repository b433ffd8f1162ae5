// Rights of descriptors (preview 1's `rights`): bits 0 to 29, as numbers.

export const enum Right {
  FdDatasync = 1 << 0,
  FdRead = 1 << 1,
  FdSeek = 1 << 2,
  FdFdstatSetFlags = 1 << 3,
  FdSync = 1 << 4,
  FdTell = 1 << 5,
  FdWrite = 1 << 6,
  FdAdvise = 1 << 7,
  FdAllocate = 1 << 8,
  PathCreateDirectory = 1 << 9,
  PathCreateFile = 1 << 10,
  PathLinkSource = 1 << 11,
  PathLinkTarget = 1 << 12,
  PathOpen = 1 << 13,
  FdReaddir = 1 << 14,
  PathReadlink = 1 << 15,
  PathRenameSource = 1 << 16,
  PathRenameTarget = 1 << 17,
  PathFilestatGet = 1 << 18,
  PathFilestatSetSize = 1 << 19,
  PathFilestatSetTimes = 1 << 20,
  FdFilestatGet = 1 << 21,
  FdFilestatSetSize = 1 << 22,
  FdFilestatSetTimes = 1 << 23,
  PathSymlink = 1 << 24,
  PathRemoveDirectory = 1 << 25,
  PathUnlinkFile = 1 << 26,
  PollFdReadwrite = 1 << 27,
  SockShutdown = 1 << 28,
  SockAccept = 1 << 29,
}

export const ALL_RIGHTS = 0x3fff_ffff

const SYNC = Right.FdDatasync | Right.FdSync | Right.FdFdstatSetFlags | Right.FdFilestatGet

/** What can be done to a stream: a terminal or a pipe. */
export const STREAM_RIGHTS = SYNC | Right.FdRead | Right.FdWrite | Right.PollFdReadwrite

export const FILE_RIGHTS =
  STREAM_RIGHTS |
  Right.FdSeek |
  Right.FdTell |
  Right.FdAdvise |
  Right.FdAllocate |
  Right.FdFilestatSetSize |
  Right.FdFilestatSetTimes

export const DIRECTORY_RIGHTS =
  SYNC |
  Right.PathCreateDirectory |
  Right.PathCreateFile |
  Right.PathLinkSource |
  Right.PathLinkTarget |
  Right.PathOpen |
  Right.FdReaddir |
  Right.PathReadlink |
  Right.PathRenameSource |
  Right.PathRenameTarget |
  Right.PathFilestatGet |
  Right.PathFilestatSetSize |
  Right.PathFilestatSetTimes |
  Right.FdFilestatSetTimes |
  Right.PathSymlink |
  Right.PathRemoveDirectory |
  Right.PathUnlinkFile
