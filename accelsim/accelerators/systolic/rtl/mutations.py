"""x"""

MUTATIONS = ()
