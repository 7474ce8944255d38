/* Empty, and C because a target must have a source: this target carries the link settings of
 * libcolorize.so (Package.swift says why they are not on ColorizeCAPI). */
