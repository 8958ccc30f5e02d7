// Package storage keeps events durably in the order of their coming, and the
// places of those that read them. It knows sequence numbers and bytes, not
// what an event means.
//
// A store is one bbolt file, deskbell.db, in a folder of its own. One
// goroutine, Log.Run, writes it: it takes whatever is waiting, stores it in
// one transaction of two syncs, and only then answers.
//
// # What is promised
//
//   - What Append has answered is on the disk, and stays until every cursor has
//     passed it. Only Options.DropOldest gives up an event that is not
//     delivered, and counts it. (TestModel, TestKill, TestDropOldest)
//   - One event is stored once: the newest 100,000 ids are known, over restarts
//     and trimming. (TestIDsOutliveTrimming)
//   - What one Update of a cursor says is there as a whole or not at all.
//     (TestKill)
//   - No record is shown with other data, another id or another sequence than it
//     was stored with: a checksum covers them and is looked at with each reading.
//     (TestEveryBitOfARecordCounts, TestAnyDamage)
//   - A sequence is never given twice, whatever was damaged.
//     (TestTheWholeStoreIsSaved, TestSwapKeepsWhatMemoryKnows)
//   - Ages count running time, order is that of coming: the wall clock may be
//     unset, wrong or jump. (TestWallClockJumps)
//   - While nothing happens nothing is written. (TestIdleWritesNothing)
//
// # The file
//
// Format 1 is described in layout.go, a record in record.go; testdata has files
// of it which every later version must read (TestStoredFiles). A file of a
// newer format is refused and left as it is (TestNewerFormatIsLeftAlone).
// Pages have 4096 bytes. A list of the free ones goes into the file with the
// last commit of a Run only, so that no other has to write it; without it the
// next Open goes through all pages (TestTheLastCommitListsTheFreePages).
//
// # A crash or a power cut, at any moment
//
//   - While the store is created: only deskbell.db.new is there. The next Open
//     begins again. (TestRemainsOfACreationAreHarmless, TestKilledAtACall)
//   - Before the second sync of a commit: the commit is not there, though any part
//     of its pages may be. Nobody was told that it is. (TestModel cuts the power
//     there, with any of the pages written, whole or in sectors)
//   - After it: all of the commit is there, events, cursors with their entries and
//     trimming alike, though perhaps nobody was told. Sent again, such an event is
//     known by its ID. (TestKill)
//   - While what could be read of a damaged file takes its place: the name is that
//     of the damaged file or of the new one, which is durable before. Where there
//     are no hard links there may be no file of that name, and the next Open names
//     the new one. (TestKilledAtEachStep, TestStartsThatWereCutOff)
//   - While the file is made anew, for room or after an error: as before, without
//     the damaged file.
//
// # What breaks, and what is done
//
//   - The disk is full: the file has been made longer before, by at least 4 MiB or
//     15 % of a small one, than events may use. So cursors and trimming always have
//     pages. Events are refused before anything is tried, with ErrNoSpace, once
//     nothing delivered is left to give up; delivery makes room again, and the disk
//     is asked every 5 s. (TestDiskFull, TestDiskFullOfWhatIsDelivered)
//   - Undelivered events take 85 % of MaxSize: ErrFull, or the oldest are dropped.
//     From 80 % of that on, Problems warns. (TestFull, TestNearlyFull)
//   - There are free pages, but not side by side: the file is made anew, at once
//     for usual events, every 5 minutes or quarter of MaxSize for large ones.
//     (TestLargeEventsAmongOthers, TestSmallEventsFindPlaces)
//   - A write or a sync fails: ErrBroken for all that wait. The file is copied to a
//     new one that must sync, at once, after 5 s, then every 5 minutes, and Run
//     goes on with that. An event that was answered ErrBroken may be in it.
//     (TestSyncErrorIsMended, TestMendingIsTriedAgain)
//   - The file is damaged when it is opened: Options.Check finds it, in another
//     process, which may die of it. Salvage reads the file without bbolt: the tree
//     from both of its roots, and, where the tree has holes, every page of the file
//     that has records which belong there. The damaged file is kept beside the new
//     one; the newest three are. (TestAnyDamage, TestDamagedStoreIsSaved)
//   - A cursor's entries cannot all be read: it begins anew at the oldest record,
//     without entries. A cursor that delivers keeps its position, unless what it
//     holds may be lost: better sent again than not. (TestEntriesAreLost)
//   - There is no room for what is saved: Open waits, and Options.Waiting is told.
//     (TestNoRoomToSave)
//   - Another agent has the folder: ErrLocked, with its process. (TestSecondAgent)
//
// Not held off: a page that is lost while the agent runs, or a file made shorter
// beneath it, may end the process, for bbolt reads a mapping of the file. The
// next Open then saves what can be read.
package storage
