// Ctrl-C and its kin: work is stopped where it can be, so that no half-written file is left.

import Glibc
import Synchronization

enum Interrupt {
  /// The signal that came, or 0.
  private static let signalNumber = Atomic<Int32>(0)

  /// Whether the user has asked to stop.
  static var wanted: Bool { signalNumber.load(ordering: .relaxed) != 0 }

  /// From now on these signals only leave a note, the first time; a second one ends the process at
  /// once. One that the process was started to ignore (nohup) stays ignored.
  static func listen() {
    _ = wanted  // makes the note before a handler could come to it
    for signal in [SIGINT, SIGTERM, SIGHUP] {
      var before = sigaction()
      sigaction(signal, nil, &before)
      if isIgnored(before) { continue }
      var action = sigaction()
      action.__sigaction_handler.sa_handler = {
        Interrupt.signalNumber.store($0, ordering: .relaxed)
      }
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
      sigaction(signal, &action, nil)
    }
    // A write that one of these would interrupt fails and is reported instead.
    for signal in [SIGPIPE, SIGXFSZ] { Glibc.signal(signal, SIG_IGN) }
  }

  /// Lets whoever is at work stop, since something cannot go on.
  static func giveUp() { signalNumber.store(SIGTERM, ordering: .relaxed) }

  /// Ends the process as the signal would have, which is how a shell's loop knows to stop, too.
  static func end() -> Never {
    let number = signalNumber.load(ordering: .relaxed)
    signal(number, SIG_DFL)
    raise(number)
    exit(128 + number)
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
      == unsafeBitCast(SIG_IGN, to: UInt.self)
  }
}
