// Choices that an environment variable makes by name. Core reads no environment: the boundary takes
// the variable's value and hands it over.

/// A choice of which each case has a name.
package protocol NamedChoice: RawRepresentable<String>, CaseIterable {
  /// The environment variable that holds the name.
  static var variable: String { get }
}

extension NamedChoice {
  /// The choice of a name.
  package static func named(_ name: String) throws(ColorizeError) -> Self {
    guard let choice = Self(rawValue: name) else {
      let names = allCases.map(\.rawValue).joined(separator: ", ")
      throw .invalidArgument("\(variable) is \"\(name)\"; it must be one of \(names)")
    }
    return choice
  }
}
