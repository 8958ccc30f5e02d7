// Package storage keeps events durably in the order of their coming, and the
// places of those that read them. It knows sequence numbers and bytes, not
// what an event means.
//
// A store is one bbolt file, deskbell.db, in a folder of its own. One
// goroutine, Log.Run, writes it: it takes whatever is waiting, stores it in
// one transaction of two syncs, and only then answers. What the file holds is
// told in layout.go.
//
// A crash or a power cut may come at any moment:
//
//   - While the store is created: only deskbell.db.new is there. It is removed
//     at the next Open.
//   - Before the second sync of a commit: the commit is not there. Nobody was
//     told that it is.
//   - After it: all of the commit is there, events, cursors with their entries
//     and trimming alike, though perhaps nobody was told. Sent again, such an
//     event is known by its ID.
//   - While what could be read of a damaged file takes its place: the name is
//     that of the damaged file or of the new one, which is durable before. Where
//     there are no hard links there may be no file of that name, and the next
//     Open names the new one.
package storage
